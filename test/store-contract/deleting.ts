import { expect, it } from "vitest";
import { TaskState } from "../../src/proto.ts";
import { at, newEvent, reasonOf, type Scene, show } from "./scene.ts";

export function describeDeleting(scene: () => Scene): void {
  /** Looks for a task in every read, and expects none of it. */
  async function expectGone({ store, list, id }: Scene, name?: string): Promise<void> {
    const taskId = id("task");
    const page = { taskId, afterSequence: 0, limit: 9, maxBytes: 1e6 };
    expect(await store.getTask({ id: taskId })).toBeUndefined();
    if (name !== undefined) expect(await store.getTask({ name })).toBeUndefined();
    expect((await list()).items.map((task) => task.id)).not.toContain(taskId);
    const calls = [
      store.readLog({ ...page, maxEntries: 9 }),
      store.listEvents({ ...page, states: [] }),
      store.listMessages(page),
      store.peekEvents(page),
      store.getState(taskId),
      store.sendEvent({ taskId, event: newEvent(id("late")), now: at(0) }),
      store.cancelTask({ taskId, now: at(0) }),
      store.deleteTask({ taskId, now: at(0) }),
    ];
    expect(new Set(await Promise.all(calls.map(reasonOf)))).toEqual(new Set(["TASK_NOT_FOUND"]));
  }

  it("deletes a finished task and all that belongs to it", async () => {
    const one = scene();
    const { store, activate, send, finish, counts, id } = one;
    await activate({ name: id("name"), labels: { a: "1" }, event: newEvent(id("e")) });
    await send("later", { deliverTime: at(100) });
    const output = [show.whole(id("m"))];
    await finish({ kind: "complete" }, { output, changes: { a: "1" } });
    await store.deleteTask({ taskId: id("task"), now: at(1) });
    await expectGone(one, id("name"));
    expect(await counts()).toEqual({ unfinishedTasks: 0, pendingEvents: 0 });
  });

  it("leaves other tasks alone, its children too, whose end it does not hear of", async () => {
    const { store, create, activate, finish, log, task, id } = scene();
    await activate({ event: newEvent(id("e")) });
    await create({ taskId: id("child"), parentTaskId: id("task") });
    await create({ taskId: id("stranger") });
    await finish({ kind: "complete" });
    const before = [await log(id("child")), await log(id("stranger"))];
    await store.deleteTask({ taskId: id("task"), now: at(1) });
    expect([await log(id("child")), await log(id("stranger"))]).toEqual(before);
    await finish({ kind: "complete" }, { taskId: id("child") });
    expect((await task(id("child"))).state).toBe(TaskState.COMPLETED);
  });

  it("forgets the requests of the task", async () => {
    const { store, create, finish, id } = scene();
    const request = { id: id("request"), fingerprint: "f" };
    await create({ request });
    await finish({ kind: "complete" });
    await store.deleteTask({ taskId: id("task"), now: at(1) });
    const again = await create({ taskId: id("other"), request: { ...request, fingerprint: "g" } });
    expect(again).toMatchObject({ created: true, duplicate: false, task: { id: id("other") } });
  });

  it("clears away what many tasks have left bit by bit, and holds nobody up", async () => {
    const { store, create, turn, commit, fire, id } = scene();
    await fire(at(1e13));
    for (const name of ["t1", "t2", "t3", "t4"]) {
      const taskId = id(name);
      await create({ taskId });
      const output = Array.from({ length: 2000 }, (_, n) => show.whole(id(`${name}-${n}`)));
      await commit((await turn({ taskId })).turn, { taskId, output, outcome: { kind: "complete" } });
      await store.deleteTask({ taskId, now: at(1) });
    }
    const { fired, nextTime } = await store.fireTimers({ now: at(1), limit: 100 });
    expect([fired < 4, nextTime]).toEqual([true, at(1)]);
    await fire(at(1));
    expect(await store.fireTimers({ now: at(1), limit: 100 })).toEqual({ fired: 0 });
  });

  it("rejects with TASK_UNFINISHED, also for a task that is being cancelled, and does nothing", async () => {
    const { store, create, cancel, log, id } = scene();
    await create();
    for (let n = 0; n < 2; n++) {
      const before = await log();
      expect(await reasonOf(store.deleteTask({ taskId: id("task"), now: at(1) }))).toBe("TASK_UNFINISHED");
      expect(await log()).toEqual(before);
      await cancel();
    }
  });

  it("rejects with TASK_NOT_FOUND", async () => {
    const { store, id } = scene();
    expect(await reasonOf(store.deleteTask({ taskId: id("nobody"), now: at(1) }))).toBe("TASK_NOT_FOUND");
  });

  it("is done when the agent's retention is over", async () => {
    const one = scene();
    const { rules, create, turn, commit, fire, task, log } = one;
    await rules({ retention: 1000 });
    await create();
    expect(await task()).not.toHaveProperty("purgeTime");
    await commit((await turn()).turn, { outcome: { kind: "complete" }, now: at(5) });
    expect(await task()).toMatchObject({ endTime: at(5), purgeTime: at(1005) });
    expect((await log()).at(-1)).toMatchObject({ task: { purgeTime: at(1005) } });
    await fire(at(1004));
    expect((await task()).state).toBe(TaskState.COMPLETED);
    await fire(at(1005));
    await expectGone(one);
  });

  it.each(["failed", "was cancelled", "timed out"])("is done also for a task that %s", async (how) => {
    const one = scene();
    const { rules, create, turn, fail, cancel, finish, fire } = one;
    await rules({ retention: 0 });
    await create({ expireTime: at(10) });
    if (how === "failed") await fail((await turn()).turn, { now: at(10) });
    else {
      if (how === "was cancelled") await cancel({ now: at(10) });
      else await fire(at(10));
      await finish({ kind: "continue" }, { now: at(10) });
    }
    await fire(at(10));
    await expectGone(one);
  });

  it("is not done without a retention", async () => {
    const { rules, create, finish, fire, task } = scene();
    await rules({});
    await create();
    await finish({ kind: "complete" });
    expect(await task()).not.toHaveProperty("purgeTime");
    await fire(at(1e12));
    expect((await task()).state).toBe(TaskState.COMPLETED);
  });
}
