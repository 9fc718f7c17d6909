import { expect, it } from "vitest";
import { CancelOutcome, EventState, Handler, TaskState } from "../../src/proto.ts";
import { at, newEvent, reasonOf, type Scene, show } from "./scene.ts";

export function describeExpiring(scene: () => Scene): void {
  it("times a task out at its expireTime: CANCELLING, then TIMED_OUT", async () => {
    const { create, send, turn, commit, append, fire, task, states, log, due, id } = scene();
    const { task: created } = await create({ expireTime: at(100) });
    expect(created.expireTime).toBe(at(100));
    await commit((await turn()).turn);
    await send("e1");
    await send("e2");
    await send("later", { deliverTime: at(500) });
    const { turn: number } = await turn();
    await append(number, [show.whole(id("m"))]);
    await fire(at(99));
    expect((await task()).state).toBe(TaskState.ACTIVE);
    const { sequence } = await task();
    await fire(at(100));
    const cancellation = { requestTime: at(100), outcome: CancelOutcome.REQUESTED, droppedEvents: 3 };
    const cancelling = await task();
    expect(cancelling).toMatchObject({ state: TaskState.CANCELLING, pendingEvents: 0, cancellation });
    expect(await states()).toEqual({ e1: "DROPPED", e2: "DROPPED", later: "DROPPED" });
    const entries = (await log()).filter((entry) => entry.sequence > sequence);
    expect(entries[0]).toMatchObject({
      time: at(100),
      kind: "superseded",
      superseded: { eventIds: [id("e1")], messageIds: [id("m")], error: { reason: "TIMED_OUT" } },
    });
    expect(entries.at(-1)).toMatchObject({ kind: "task", task: { state: TaskState.CANCELLING } });
    expect(await reasonOf(commit(number))).toBe("TURN_OVER");
    expect(await reasonOf(send("late"))).toBe("TASK_FINISHED");
    expect(await due(at(100))).toEqual([id("task")]);
    const cancel = await turn({ now: at(100) });
    expect(cancel.handler).toBe(Handler.TASK_CANCEL);
    await commit(cancel.turn, { now: at(101) });
    const ended = await task();
    expect(ended).toMatchObject({ state: TaskState.TIMED_OUT, endTime: at(101) });
    expect(ended.cancellation).toEqual({ ...cancellation, outcome: CancelOutcome.STOPPED });
    expect((await log()).at(-1)).toMatchObject({ kind: "task", task: ended });
  });

  it("ends TIMED_OUT also when onTaskCancel is given up, with the error, FORCED if a handler was left behind", async () => {
    const { create, turn, fail, fire, task } = scene();
    await create({ expireTime: at(100) });
    await turn();
    await fire(at(100));
    await fail((await turn({ forced: true, now: at(100) })).turn);
    expect(await task()).toMatchObject({
      state: TaskState.TIMED_OUT,
      error: { reason: "HANDLER_FAILED" },
      cancellation: { outcome: CancelOutcome.FORCED },
    });
  });

  it.each(["PENDING", "INPUT_REQUIRED", "PAUSED"] as const)("times out a task that is %s", async (state) => {
    const { create, send, finish, turn, fail, fire, task, id } = scene();
    await create({ expireTime: at(100) });
    const question = { id: id("q"), prompt: "?", createTime: at(0) };
    if (state === "INPUT_REQUIRED") await finish({ kind: "ask", question });
    if (state === "PAUSED") {
      await finish({ kind: "continue" });
      await send("e");
      await fail((await turn()).turn, { exhausted: "pause" });
    }
    expect((await task()).state).toBe(TaskState[state]);
    await fire(at(100));
    await finish({ kind: "continue" }, { now: at(100) });
    expect((await task()).state).toBe(TaskState.TIMED_OUT);
  });

  it("cancels the unfinished descendants of a task that is timed out", async () => {
    const { activate, send, turn, commit, fire, finish, task, id } = scene();
    await activate({ expireTime: at(100) });
    await activate({ taskId: id("child"), parentTaskId: id("task") });
    await activate({ taskId: id("grandchild"), parentTaskId: id("child") });
    await activate({ taskId: id("done"), parentTaskId: id("task"), event: newEvent(id("e")) });
    await finish({ kind: "complete" }, { taskId: id("done") });
    await send("running", { taskId: id("grandchild") });
    const { turn: number } = await turn({ taskId: id("grandchild") });
    await fire(at(100));
    for (const name of ["child", "grandchild"]) {
      const taskId = id(name);
      expect((await task(taskId)).state).toBe(TaskState.CANCELLING);
      await finish({ kind: "continue" }, { taskId, now: at(100) });
      expect((await task(taskId)).state).toBe(TaskState.CANCELLED);
    }
    expect(await reasonOf(commit(number, { taskId: id("grandchild") }))).toBe("TURN_OVER");
    expect((await task(id("done"))).state).toBe(TaskState.COMPLETED);
  });

  it.each(["completed", "failed", "is cancelled"])("leaves a task alone that %s before", async (how) => {
    const { create, turn, commit, fail, cancel, finish, fire, log, task } = scene();
    await create({ expireTime: at(100) });
    if (how === "is cancelled") await cancel();
    else if (how === "failed") await fail((await turn()).turn);
    else await commit((await turn()).turn, { outcome: { kind: "complete" } });
    const before = await log();
    await fire(at(100));
    expect(await log()).toEqual(before);
    if (how !== "is cancelled") return;
    await finish({ kind: "continue" }, { now: at(100) });
    expect((await task()).state).toBe(TaskState.CANCELLED);
  });

  it("takes no children any more", async () => {
    const { create, fire, finish, store, id } = scene();
    await create({ expireTime: at(100) });
    await fire(at(100));
    const child = { taskId: id("child"), parentTaskId: id("task") };
    expect(await reasonOf(create(child))).toBe("TASK_FINISHED");
    await finish({ kind: "continue" }, { now: at(100) });
    expect(await reasonOf(create(child))).toBe("TASK_FINISHED");
    expect(await store.getTask({ id: id("child") })).toBeUndefined();
  });

  it("comes after what was due before it, though all of it fires late", async () => {
    const { activate, send, fire, states, log, task, id } = scene();
    await activate({ expireTime: at(20) });
    await activate({ taskId: id("child"), parentTaskId: id("task"), expireTime: at(30) });
    await send("e", { deliverTime: at(10) });
    await send("never", { deliverTime: at(30) });
    await send("child-never", { taskId: id("child"), deliverTime: at(30) });
    await fire(at(1000));
    const steps = (await log()).flatMap((entry) =>
      entry.kind === "event" && entry.event.id === id("e") ? [entry.event.state] : [],
    );
    expect(steps).toEqual([EventState.SCHEDULED, EventState.QUEUED, EventState.DROPPED]);
    expect(await states()).toEqual({ e: "DROPPED", never: "DROPPED" });
    expect(await states(id("child"))).toEqual({ "child-never": "DROPPED" });
    for (const taskId of [id("task"), id("child")])
      expect(await task(taskId)).toMatchObject({ state: TaskState.CANCELLING, pendingEvents: 0 });
  });

  it("closes no question any more that would have closed after it, though both fire late", async () => {
    const { create, finish, fire, task, events, id } = scene();
    await create({ expireTime: at(20) });
    const question = { id: id("q"), prompt: "?", createTime: at(0), expireTime: at(30) };
    await finish({ kind: "ask", question });
    await fire(at(1000));
    expect(await task()).toMatchObject({ state: TaskState.CANCELLING, pendingEvents: 0 });
    expect(await events()).toEqual([]);
  });

  it("answers who cancels a task that times out as one that is being cancelled, and refuses one that did", async () => {
    const { create, cancel, fire, finish, task } = scene();
    await create({ expireTime: at(100) });
    await fire(at(100));
    const cancelling = await task();
    expect(await cancel({ reason: "enough", now: at(101) })).toEqual({ task: cancelling, duplicate: false });
    await finish({ kind: "continue" }, { now: at(102) });
    expect(await reasonOf(cancel())).toBe("TASK_FINISHED");
    expect((await task()).state).toBe(TaskState.TIMED_OUT);
  });

  it("has no effect on a task that was found by its name", async () => {
    const { create, fire, task, id } = scene();
    await create({ name: id("name") });
    await create({ taskId: id("other"), name: id("name"), expireTime: at(100) });
    expect(await task()).not.toHaveProperty("expireTime");
    await fire(at(100));
    expect((await task()).state).toBe(TaskState.PENDING);
  });
}
