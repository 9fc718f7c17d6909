import { onTestFinished } from "vitest";
import { createClient, type PigeonholeClient } from "../src/client/index.ts";
import { type AgentDefinition, defineAgent, FinalError, serve } from "../src/server/index.ts";
import { type CliOptions, type CliProcess, runCli } from "./crash-process.ts";

/** What a command line printed, and how it ended. */
export interface CliResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A server, and the command line that talks to it. */
export interface CliRig {
  readonly url: string;
  readonly client: PigeonholeClient;
  /** Runs the command line to its end. */
  run(args: string[], options?: CliOptions): Promise<CliResult>;
  /** Runs it with --json, and parses each line of what it prints. Throws if it does not end with 0. */
  json(args: string[], options?: CliOptions): Promise<Record<string, unknown>[]>;
  /** Begins to run it. It is killed after the test. */
  start(args: string[], options?: CliOptions): CliProcess;
}

/** An agent that does what it is told by the first word of an event. */
export const talker: AgentDefinition = {
  name: "talker",
  description: "Does as it is told.",
  retry: { maxAttempts: 2, initialBackoff: 1, maxBackoff: 1 },
  async onTaskCreate(ctx) {
    await ctx.messages.send(`Hello, ${ctx.task.params.who ?? "stranger"}.`);
  },
  async onTaskEventSend(ctx, event) {
    if (event.answers !== "") return ctx.complete(`answered ${JSON.stringify(event.parts)}`);
    const [word = "", ...rest] = event.text.split(" ");
    ctx.state.set("last", event.text);
    switch (word) {
      case "ask":
        return void ctx.requireInput({ prompt: "Which one?", schema: orderSchema });
      case "wonder":
        return void ctx.requireInput({ prompt: "Why?" });
      case "done":
        return ctx.complete("all done");
      case "give-up":
        return ctx.fail("gave up");
      case "stumble":
        if (event.text === "stumble" && ctx.attempt === 1) throw new Error("stumbled once");
        return void (await ctx.messages.send("on my feet"));
      case "die":
        throw new FinalError("cannot do that");
      case "hang":
        return await new Promise<void>((_, reject) =>
          ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason)),
        );
      case "tool":
        await ctx.messages.send([
          { reasoning: "let me look" },
          { toolRequest: { id: "1", name: "search", arguments: { query: "tea" } } },
          { toolResponse: { id: "1", name: "search", result: { hits: 2 } } },
          { data: { answer: 42 } },
        ]);
        return;
      default: {
        const stream = ctx.messages.stream();
        for (const part of ["you said: ", word, ...rest.map((text) => ` ${text}`)]) await stream.write(part);
      }
    }
  },
};

const orderSchema = {
  type: "object",
  properties: {
    size: { enum: ["small", "large"] },
    count: { type: "integer", minimum: 1 },
    wrapped: { type: "boolean" },
    note: { type: "string" },
  },
  required: ["size", "count", "wrapped"],
};

/** Serves agents from memory until the test, or the suite, is over. */
export async function serveForCli(agents: AgentDefinition[] = [talker]) {
  const server = await serve({
    agents: agents.map(defineAgent),
    store: "memory:",
    port: 0,
    drain: 0,
    webhooks: { allowPrivateAddresses: true },
    log: { info() {}, warn() {}, error() {} },
  });
  return { ...createCliRig(server.url), close: () => server.close() };
}

/** Makes the command line of a server that is somewhere. */
export function createCliRig(url: string): CliRig {
  const env = { PIGEONHOLE_SERVER: url, PIGEONHOLE_TOKEN: "", ...plain };
  const run = (args: string[], options?: CliOptions) =>
    runToEnd(args, { ...options, env: { ...env, ...options?.env } });
  return {
    url,
    client: createClient({ baseUrl: url }),
    run,
    async json(args, options) {
      const { code, stdout, stderr } = await run([...args, "--json"], options);
      if (code !== 0) throw new Error(`${args.join(" ")} ended with ${code}: ${stderr}`);
      return jsonLines(stdout);
    },
    start(args, options) {
      const cli = runCli(args, { ...options, env: { ...env, ...options?.env } });
      onTestFinished(() => cli[Symbol.asyncDispose]());
      return cli;
    },
  };
}

/** Runs the command line to its end. */
export async function runToEnd(args: string[], options: CliOptions = {}): Promise<CliResult> {
  await using cli = runCli(args, { ...options, env: { ...plain, ...options.env } });
  const { code } = await cli.exited;
  return { code, stdout: cli.stdout(), stderr: cli.stderr() };
}

/** Parses what was printed: one JSON object a line. */
export function jsonLines(text: string): Record<string, unknown>[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => ({ ...JSON.parse(line) }));
}

/** What this process's environment says of colour is not the command line's concern. */
const plain = { FORCE_COLOR: undefined, NO_COLOR: undefined, CLICOLOR_FORCE: undefined };
