import { join } from "node:path";
import type { Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { describe, expect, it, onTestFinished } from "vitest";
import { createClient } from "../../src/client/index.ts";
import { defineAgent, serve } from "../../src/server/index.ts";
import { tempDir } from "../temp-dir.ts";
import { countOf, printCounts } from "./faults.ts";
import { lacks } from "./needs.ts";
import { type Nginx, startNginx } from "./nginx.ts";

/** How long nginx lets a stream be idle, in ms. */
const patience = 400;
/** How long where it is not to break it. Heartbeats come twenty times as often, so that they do in time on a machine that is busy as well. */
const calm = 2_000;
/** How often a subscription is to be broken. */
const breaks = countOf("NGINX_BREAKS", { short: 2, long: 200 });

const echo = defineAgent({
  name: "echo",
  async onTaskEventSend(ctx, event) {
    await ctx.messages.send(event.parts);
    if (event.text === "last") ctx.complete();
  },
});

const ways: { name: string; open(nginx: Nginx): Transport }[] = [
  { name: "gRPC", open: ({ http2 }) => createGrpcTransport({ baseUrl: http2 }) },
  {
    name: "Connect, HTTP/2",
    open: ({ http2 }) => createConnectTransport({ baseUrl: http2, httpVersion: "2" }),
  },
  {
    name: "Connect, HTTP/1.1",
    open: ({ http1 }) => createConnectTransport({ baseUrl: http1, httpVersion: "1.1" }),
  },
  { name: "gRPC-Web", open: ({ http1 }) => createGrpcWebTransport({ baseUrl: http1, httpVersion: "1.1" }) },
];

describe.skipIf(lacks("command -v nginx"))("a subscription through nginx (needs nginx)", () => {
  it.each(ways)(
    "over $name misses nothing and sees nothing twice, though nginx buffers and breaks it",
    async ({ name, open }) => {
      const { url } = await serveEcho(60_000);
      const nginx = await startNginx(
        url,
        `proxy_buffering on; proxy_read_timeout ${patience}ms; grpc_read_timeout ${patience}ms;`,
      );
      const { tasks } = createClient({ transport: open(nginx), retry: { initialBackoff: 10 } });
      const direct = createClient({ baseUrl: url }).tasks;
      const { task } = await tasks.create({ agent: "echo" });
      const sequences: bigint[] = [];
      let broken = 0;
      // Something happens after each break only, so that it is idle for as long as nginx bears it.
      const onInterrupt = () => {
        broken += 1;
        void direct.send(task.id, broken < breaks ? `after ${broken}` : "last").catch(() => undefined);
      };
      for await (const { sequence } of tasks.subscribe(task.id, { onInterrupt })) sequences.push(sequence);
      const whole: bigint[] = [];
      for await (const { sequence } of direct.subscribe(task.id)) whole.push(sequence);
      printCounts(`nginx, ${name}`, { breaks: broken, entries: sequences.length });
      expect(broken).toBeGreaterThanOrEqual(breaks);
      expect(sequences).toEqual(whole);
    },
  );

  it.each(ways)(
    "over $name stays open while it is idle, if heartbeats come more often than nginx is patient",
    async ({ open }) => {
      const { url } = await serveEcho(calm / 20);
      const nginx = await startNginx(
        url,
        `proxy_buffering on; proxy_read_timeout ${calm}ms; grpc_read_timeout ${calm}ms;`,
      );
      const { tasks } = createClient({ transport: open(nginx) });
      const { task } = await tasks.create({ agent: "echo" });
      let broken = 0;
      let ended = false;
      let begin = Number.POSITIVE_INFINITY;
      for await (const { entry } of tasks.subscribe(task.id, {
        heartbeats: true,
        onInterrupt: () => broken++,
      })) {
        if (entry.case !== "heartbeat" || ended) continue;
        begin = Math.min(begin, performance.now());
        if (performance.now() - begin < 2 * calm) continue;
        ended = true;
        await tasks.send(task.id, "last");
      }
      expect(broken).toBe(0);
      expect(ended).toBe(true);
    },
  );
});

async function serveEcho(heartbeat: number) {
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  const store = `sqlite:${join(tempDir(), "store.db")}`;
  const server = await serve({ agents: [echo], store, port: 0, drain: 0, log, heartbeat });
  onTestFinished(() => server.close());
  return server;
}
