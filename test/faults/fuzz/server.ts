// The process that is fuzzed: a server with an agent that passes on whatever it gets, and reports on the process it is in.
import { type Agent, createLogger, defineAgent, hmacSignature, serve } from "../../../src/server/index.ts";
import "../../loopback-only.ts";

/** What the process says of itself when it is asked. */
export interface Vitals {
  kind: "vitals";
  /** In bytes, the heap after a collection. */
  rss: number;
  heap: number;
  /** What somebody has put on what every object inherits from. */
  polluted: string[];
}

const agent: Agent = defineAgent({
  name: "parrot",
  retry: { maxAttempts: 1, initialBackoff: 1, maxBackoff: 1 },
  webhooks: {
    open: {
      verify: () => ({}),
      route: (request) => ({
        task: "hooked",
        content: [{ data: JSON.parse(JSON.stringify(request.json())) }],
      }),
    },
    signed: {
      verify: hmacSignature({ secret: "secret", header: "x-signature", algorithm: "sha256" }),
      route: () => ({ task: "hooked", content: "signed" }),
    },
  },
  async onTaskCreate(ctx) {
    ctx.state.set("params", ctx.task.params);
    const merged = Object.assign({}, ctx.task.params, ctx.task.labels);
    await ctx.messages.send({ data: JSON.parse(JSON.stringify(merged)) });
  },
  async onTaskEventSend(ctx, event) {
    if (event.text === "ask") return void ctx.requireInput({ prompt: "Which?", schema: question });
    if (event.parts.length === 0) return;
    ctx.state.set("last", JSON.parse(JSON.stringify({ ...event.metadata })));
    await ctx.messages.send(event.parts);
  },
});
const question = {
  type: "object",
  properties: { name: { type: "string", pattern: "^([a-z]+)+$" }, list: { uniqueItems: true } },
};

const addresses = ["127.0.0.1", "10.0.0.1", "::1", "169.254.169.254"];
const [, , store = "memory:", console = ""] = process.argv;
const server = await serve({
  agents: [agent],
  store,
  console,
  port: 0,
  grpcPort: 0,
  log: createLogger(),
  heartbeat: 1000,
  webhooks: { resolve: async () => addresses },
});

process.on("message", (message) => {
  if (message === "stop") {
    void server.close().then(() => process.disconnect?.());
    return;
  }
  globalThis.gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  const inherited = [Object.prototype, Array.prototype, String.prototype, Function.prototype];
  const strange = inherited.flatMap((prototype) => Object.keys(prototype));
  const probe: Record<string, unknown> = {};
  if (probe.polluted !== undefined) strange.push("polluted");
  process.send?.({ kind: "vitals", rss, heap: heapUsed, polluted: strange } satisfies Vitals);
});
process.send?.({ kind: "ready", port: server.port, grpcPort: Number(new URL(server.grpcUrl ?? "").port) });
