import { expect, it } from "vitest";
import { at, createScene } from "./store-contract/scene.ts";
import { openStore } from "./temp-dir.ts";

/** A scene alone in its store, whose figures are of all tasks. */
async function alone() {
  const scene = createScene(await openStore(":memory:"));
  const oldest = (now = at(100)) => scene.store.oldestWaiting({ now, limit: 10 });
  const counts = async () => (await scene.store.countEvents()).get(scene.agent);
  return { ...scene, oldest, counts };
}

it("counts events by agent and state", async () => {
  const { activate, send, turn, fail, counts, cancel } = await alone();
  expect(await counts()).toBeUndefined();
  await activate();
  for (const name of ["a", "b", "c"]) await send(name);
  await send("later", { deliverTime: at(500) });
  expect(await counts()).toEqual({ queued: 3, scheduled: 1, dead: 0 });
  await fail((await turn()).turn);
  await fail((await turn()).turn, { retryTime: at(50) });
  expect(await counts()).toEqual({ queued: 2, scheduled: 1, dead: 1 });
  await cancel();
  expect(await counts()).toEqual({ queued: 0, scheduled: 0, dead: 1 });
});

it("tells since when the event waits that has waited longest", async () => {
  const { activate, send, turn, commit, oldest } = await alone();
  await activate();
  expect(await oldest()).toBeUndefined();
  await send("a", { now: at(10) });
  await send("b", { now: at(20) });
  expect(await oldest()).toBe(at(10));
  const { turn: running } = await turn({ now: at(30) });
  expect(await oldest()).toBe(at(20));
  await commit(running, { now: at(40) });
  await turn({ now: at(40) });
  expect(await oldest()).toBeUndefined();
});

it("counts the waiting of what was scheduled or redriven from when it came into the mailbox", async () => {
  const { activate, send, turn, fail, fire, redrive, oldest } = await alone();
  await activate();
  await send("later", { deliverTime: at(50) });
  expect(await oldest()).toBeUndefined();
  await fire(at(60));
  expect(await oldest()).toBe(at(60));
  await fail((await turn({ now: at(70) })).turn, { now: at(70) });
  expect(await oldest()).toBeUndefined();
  await redrive({ now: at(80) });
  expect(await oldest()).toBe(at(80));
});

it("counts the waiting of what waits behind work that is to be tried again", async () => {
  const { activate, send, turn, fail, oldest } = await alone();
  await activate();
  await send("a", { now: at(10) });
  await send("b", { now: at(20) });
  await fail((await turn({ now: at(30) })).turn, { retryTime: at(1000), now: at(30) });
  expect(await oldest()).toBe(at(20));
});

it("leaves out tasks that wait for an answer or a redrive, or have deferred", async () => {
  const { activate, send, turn, finish, fail, redrive, oldest } = await alone();
  await activate();
  await send("a", { now: at(10) });
  await finish({ kind: "defer", untilTime: at(500) }, { now: at(20) });
  expect(await oldest()).toBeUndefined();
  expect(await oldest(at(500))).toBe(at(10));
  await send("b", { now: at(510) });
  await fail((await turn({ now: at(520) })).turn, { exhausted: "pause", now: at(520) });
  expect(await oldest(at(530))).toBeUndefined();
  await redrive({ now: at(540) });
  expect(await oldest(at(550))).toBe(at(510));
});
