// A thread that measures how long calls take, so that what the other clients do is not measured with it. Its parent says where to call, again
// whenever that changes, and undefined asks for what was measured since it asked last.
import { setTimeout } from "node:timers/promises";
import { parentPort } from "node:worker_threads";
import { type Client, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { TaskService } from "../../../src/proto.ts";
import type { Latencies } from "./latency.ts";

/** How long to wait between two calls, in ms. */
const pause = 10;
/** How many events a task gets, so that none grows for ever. */
const eventsPerTask = 200;
const parts = [{ content: { case: "text" as const, value: "measured" } }];

let latencies: Latencies = { sends: [], empty: [] };
let url = Promise.withResolvers<string>();

parentPort?.on("message", (message: string | undefined) => {
  if (message === undefined) {
    parentPort?.postMessage(latencies);
    latencies = { sends: [], empty: [] };
  } else {
    url.resolve(message);
  }
});

for (;;) {
  const baseUrl = await url.promise;
  const rpc = createClient(TaskService, createConnectTransport({ baseUrl, httpVersion: "1.1" }));
  try {
    for (;;) await measure(rpc, baseUrl);
  } catch {
    // It was killed: there will be another one. What a server leaves unanswered is not measured; its clients judge that.
    url = Promise.withResolvers();
  }
}

async function measure(rpc: Client<typeof TaskService>, baseUrl: string): Promise<void> {
  const { task } = await rpc.createTask({ agent: "idler" });
  const taskId = task?.id ?? "";
  for (let sent = 0; sent < eventsPerTask; sent++) {
    latencies.sends.push(await timed(() => rpc.sendEvent({ taskId, parts })));
    latencies.empty.push(await timed(async () => (await fetch(`${baseUrl}/healthz`)).text()));
    await setTimeout(pause);
  }
  await rpc.cancelTask({ taskId });
}

async function timed(call: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await call();
  return performance.now() - begin;
}
