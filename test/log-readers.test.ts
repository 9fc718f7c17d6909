import { expect, it } from "vitest";
import { createTaskLog } from "../src/server/task-log/task-log.ts";
import { type LogReaders, noMeter } from "../src/server/telemetry/meter.ts";
import { createManualClock } from "./manual-clock.ts";
import { createScene } from "./store-contract/scene.ts";
import { openStore } from "./temp-dir.ts";

it("knows how long a reader has been behind that does not read", async () => {
  const { store, activate, send, id } = createScene(await openStore(":memory:"));
  const clock = createManualClock();
  let figures: () => LogReaders = () => ({ count: Number.NaN, lag: Number.NaN });
  const logReaders = (read: () => LogReaders) => {
    figures = read;
  };
  const log = createTaskLog({ store, clock, heartbeat: 15_000, meter: { ...noMeter, logReaders } });
  await activate();
  expect(figures()).toEqual({ count: 0, lag: 0 });

  const updates = log.follow({ taskId: id("task"), afterSequence: 0, signal: new AbortController().signal });
  await updates.next();
  clock.advance(2000);
  expect(figures()).toEqual({ count: 1, lag: 2000 });
  for await (const [update] of { [Symbol.asyncIterator]: () => ({ next: () => updates.next() }) }) {
    if (update?.kind === "heartbeat") break;
  }
  expect(figures()).toEqual({ count: 1, lag: 0 });

  const { promise: committed, resolve } = Promise.withResolvers<void>();
  const unwatch = store.watch(() => resolve());
  await send("e");
  await committed;
  unwatch();
  clock.advance(7000);
  expect(figures()).toEqual({ count: 1, lag: 7000 });
  await updates.return();
  expect(figures()).toEqual({ count: 0, lag: 0 });
  log.close();
});
