import { getEventListeners } from "node:events";
import { setTimeout } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { createClient } from "../src/client/index.ts";
import { collect, logOf, taskEntry } from "./client-log.ts";
import { quickly, serveScript } from "./client-scripted-server.ts";

function clientOf(baseUrl: string) {
  return createClient({ baseUrl, retry: quickly });
}

/** Never ends by itself. */
const forever = new Promise<never>(() => {});

describe("subscribe", () => {
  it("does not take a reader that is slow for a dead connection", async () => {
    let calls = 0;
    await using server = await serveScript({
      async *subscribeTask() {
        calls += 1;
        for (const update of logOf(3)) yield { update };
      },
    });
    const seen: bigint[] = [];
    // A machine that is busy may take as long for the first, which is not this reader's doing.
    let before = 0;
    for await (const { sequence } of clientOf(server.url).tasks.subscribe("t", { idleTimeout: 400 })) {
      if (seen.length === 0) before = calls;
      seen.push(sequence);
      // The time that this reader takes is what the test is about.
      await setTimeout(500);
    }
    expect(seen).toEqual([1n, 2n, 3n]);
    expect(calls).toBe(before);
  });

  it("cancels the call and lets go of the signal when the loop is left", async () => {
    const { promise: cancelled, resolve: onCancelled } = Promise.withResolvers<void>();
    await using server = await serveScript({
      async *subscribeTask(_, { signal }) {
        signal.addEventListener("abort", () => onCancelled());
        yield { update: taskEntry(1) };
        await forever;
      },
    });
    const { signal } = new AbortController();
    for await (const _ of clientOf(server.url).tasks.subscribe("t", { signal })) {
      expect(getEventListeners(signal, "abort")).not.toHaveLength(0);
      break;
    }
    await cancelled;
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });

  it("throws the signal's reason when aborted while it waits for the server", async () => {
    const controller = new AbortController();
    const { promise: cancelled, resolve: onCancelled } = Promise.withResolvers<void>();
    await using server = await serveScript({
      async *subscribeTask(_, { signal }) {
        signal.addEventListener("abort", () => onCancelled());
        controller.abort(new Error("enough"));
        await forever;
      },
    });
    const updates = clientOf(server.url).tasks.subscribe("t", { signal: controller.signal });
    await expect(collect(updates)).rejects.toThrow("enough");
    await cancelled;
    expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
  });

  it("throws the signal's reason when aborted between two tries", async () => {
    const controller = new AbortController();
    await using server = await serveScript({});
    await server.stop();
    const { tasks } = createClient({ baseUrl: server.url, retry: { initialBackoff: 1e9, maxBackoff: 1e9 } });
    const onInterrupt = () => queueMicrotask(() => controller.abort());
    const updates = tasks.subscribe("t", { signal: controller.signal, onInterrupt });
    await expect(collect(updates)).rejects.toThrow(expect.objectContaining({ name: "AbortError" }));
    expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
  });
});
