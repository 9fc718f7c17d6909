import { expect, it, onTestFinished } from "vitest";
import { createTaskLog } from "../src/server/task-log/task-log.ts";
import { type LogReaders, noMeter } from "../src/server/telemetry/meter.ts";
import { createManualClock } from "./manual-clock.ts";
import { at, createScene, reasonOf, type Scene } from "./store-contract/scene.ts";
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

/** A task, as `prepare` leaves it, and its log, of which a reader has been given the beginning and takes no more. */
async function slowlyRead(prepare: (scene: Scene) => Promise<void>) {
  const scene = createScene(await openStore(":memory:"));
  const log = createTaskLog({ store: scene.store, clock: createManualClock(), heartbeat: 15_000 });
  await prepare(scene);
  const whole = { taskId: scene.id("task"), afterSequence: 0, signal: new AbortController().signal };
  const slow = log.follow(whole);
  await slow.next();
  onTestFinished(async () => {
    await slow.return();
    log.close();
  });
  return { scene, follow: () => log.follow(whole) };
}

it("tells who begins all that there is before the first heartbeat, however far behind another reader is", async () => {
  const { scene, follow } = await slowlyRead(({ activate }) => activate());
  const { sequence } = await scene.send("e");
  const told: number[] = [];
  for await (const updates of follow()) {
    told.push(...updates.map((update) => update.sequence));
    if (updates.some(({ kind }) => kind === "heartbeat")) break;
  }
  expect(told).toEqual([1, 2, sequence, sequence]);
});

it("has nothing of a deleted task for who begins, also while another reader is not done", async () => {
  const { scene, follow } = await slowlyRead(async ({ create, cancel, finish }) => {
    await create();
    await cancel();
    await finish({ kind: "continue" });
  });
  await scene.store.deleteTask({ taskId: scene.id("task"), now: at(1) });
  expect(await reasonOf(follow().next())).toBe("TASK_NOT_FOUND");
});
