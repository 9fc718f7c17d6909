import { expect, it } from "vitest";
import { EventState, Handler, TaskState } from "../../src/proto.ts";
import { at, newEvent, reasonOf, type Scene, show } from "./scene.ts";

export function describeCancelling(scene: () => Scene): void {
  it("ends the running turn and drops what waits, on the record", async () => {
    const { activate, send, turn, append, cancel, events, messages, log, task, id } = scene();
    await activate();
    await send("e1");
    await send("e2");
    const { turn: number } = await turn();
    await append(number, [show.begin(id("m"))]);
    const { sequence } = await task();
    const answer = await cancel({ reason: "enough", now: at(7) });
    const cancelling = await task();
    expect(answer).toEqual({ task: cancelling, cancelled: [id("task")], duplicate: false });
    expect(cancelling).toMatchObject({
      state: TaskState.CANCELLING,
      statusReason: "enough",
      pendingEvents: 0,
    });
    expect(cancelling).not.toHaveProperty("processingEventId");
    expect(cancelling).not.toHaveProperty("endTime");
    expect((await log()).filter((entry) => entry.sequence > sequence)).toMatchObject([
      {
        time: at(7),
        kind: "superseded",
        superseded: {
          eventId: id("e1"),
          attempt: 1,
          messageIds: [id("m")],
          error: { reason: "TASK_CANCELLED" },
        },
      },
      { kind: "event", event: { id: id("e1"), state: EventState.DROPPED, attempt: 1 } },
      { kind: "event", event: { id: id("e2"), state: EventState.DROPPED, attempt: 0 } },
      { kind: "task", task: cancelling },
    ]);
    expect((await events()).map((event) => event.state)).toEqual([EventState.DROPPED, EventState.DROPPED]);
    expect(await messages()).toEqual([]);
  });

  it("makes onTaskCancel due at once, ahead of a backoff", async () => {
    const { activate, send, turn, fail, cancel, due, id } = scene();
    await activate();
    await send("e");
    await fail((await turn()).turn, { retryTime: at(1e6) });
    await cancel({ now: at(5) });
    expect(await due(at(5))).toEqual([id("task")]);
    expect(await turn({ now: at(5) })).toMatchObject({
      handler: Handler.TASK_CANCEL,
      attempt: 1,
      failures: 0,
    });
  });

  it("goes ahead of onTaskCreate, which never runs then", async () => {
    const { create, cancel, turn, commit, task, events, id } = scene();
    await create({ event: newEvent(id("e")) });
    await cancel();
    const { turn: number, handler } = await turn();
    expect(handler).toBe(Handler.TASK_CANCEL);
    await commit(number, { now: at(2) });
    expect(await task()).toMatchObject({ state: TaskState.CANCELLED, endTime: at(2) });
    expect(await events()).toMatchObject([{ state: EventState.DROPPED, attempt: 0 }]);
  });

  it.each([{ kind: "continue" }, { kind: "complete", reason: "done" }] as const)(
    "ends CANCELLED with the commit of onTaskCancel, whatever its outcome: $kind",
    async (outcome) => {
      const { activate, cancel, turn, commit, task, log, store, messages, start, id } = scene();
      await activate();
      await cancel({ reason: "enough" });
      const { turn: number } = await turn();
      const output = [show.whole(id("bye"))];
      expect(await commit(number, { outcome, output, changes: { a: "1" }, now: at(3) })).toEqual({});
      const ended = await task();
      expect(ended).toMatchObject({ state: TaskState.CANCELLED, statusReason: "enough", endTime: at(3) });
      expect((await log()).at(-1)).toMatchObject({ kind: "task", task: ended });
      expect(await messages()).toMatchObject([{ id: id("bye") }]);
      expect((await store.getState(id("task"))).values).toEqual({ a: "1" });
      expect(await start()).toEqual({});
    },
  );

  it("cancels all unfinished descendants, also those of a task that has ended", async () => {
    const { activate, create, send, turn, commit, cancel, task, events, due, id } = scene();
    await activate({ taskId: id("task") });
    await activate({ taskId: id("ended"), parentTaskId: id("task") });
    await activate({ taskId: id("child"), parentTaskId: id("task") });
    await activate({ taskId: id("grandchild"), parentTaskId: id("child") });
    await create({ taskId: id("orphan"), parentTaskId: id("ended") });
    await create({ taskId: id("stranger") });
    await send("e1", { taskId: id("ended") });
    const last = await turn({ taskId: id("ended") });
    await commit(last.turn, { taskId: id("ended"), outcome: { kind: "complete" } });
    await send("e2", { taskId: id("grandchild") });
    const running = await turn({ taskId: id("grandchild") });

    const { cancelled } = await cancel({ reason: "enough", now: at(5) });
    const expected = ["task", "child", "grandchild", "orphan"].map(id);
    expect([...cancelled].sort()).toEqual([...expected].sort());
    for (const each of expected) expect((await task(each)).state).toBe(TaskState.CANCELLING);
    expect((await task(id("ended"))).state).toBe(TaskState.COMPLETED);
    expect((await task(id("stranger"))).state).toBe(TaskState.PENDING);
    expect(await reasonOf(commit(running.turn, { taskId: id("grandchild") }))).toBe("TURN_OVER");
    expect(await events(id("grandchild"))).toMatchObject([{ state: EventState.DROPPED }]);
    expect((await due(at(5))).sort()).toEqual([...expected, id("stranger")].sort());
  });

  it("leaves a task alone that is being cancelled, or is cancelled", async () => {
    const { activate, cancel, turn, append, commit, task, id } = scene();
    await activate();
    await cancel({ reason: "first" });
    const { turn: number } = await turn();
    await append(number, [show.begin(id("m"))]);
    const cancelling = await task();
    expect(await cancel({ reason: "second", now: at(9) })).toEqual({
      task: cancelling,
      cancelled: [],
      duplicate: false,
    });
    await commit(number, { output: [show.end(id("m"), "")] });
    const cancelled = await task();
    expect(cancelled.state).toBe(TaskState.CANCELLED);
    expect(await cancel({ reason: "third", now: at(9) })).toEqual({
      task: cancelled,
      cancelled: [],
      duplicate: false,
    });
    expect(await task()).toEqual(cancelled);
  });

  it("rejects with TASK_FINISHED if the task completed or failed, and leaves its children alone", async () => {
    for (const outcome of ["complete", "fail"] as const) {
      const { create, turn, commit, fail, cancel, log, task, id } = scene();
      await create();
      await create({ taskId: id("child"), parentTaskId: id("task") });
      const { turn: number } = await turn();
      if (outcome === "complete") await commit(number, { outcome: { kind: "complete" } });
      else await fail(number);
      const before = await log();
      expect(await reasonOf(cancel())).toBe("TASK_FINISHED");
      expect(await log()).toEqual(before);
      expect((await task(id("child"))).state).toBe(TaskState.PENDING);
    }
  });

  it("rejects with TASK_NOT_FOUND", async () => {
    expect(await reasonOf(scene().cancel())).toBe("TASK_NOT_FOUND");
  });

  it("answers a repeated request as it did, and cancels nothing again", async () => {
    const { activate, cancel, finish, log, id } = scene();
    await activate();
    const args = { reason: "enough", request: { id: id("request"), fingerprint: "f" } };
    const first = await cancel(args);
    await finish({ kind: "continue" });
    const before = await log();
    expect(await cancel({ ...args, now: at(99) })).toEqual({
      task: first.task,
      cancelled: [],
      duplicate: true,
    });
    expect(await log()).toEqual(before);
  });

  it("rejects with REQUEST_ID_REUSED if a request's content is another, and cancels nothing", async () => {
    const { activate, send, cancel, task, id } = scene();
    await activate();
    await send("e", { request: { id: id("request"), fingerprint: "f" } });
    expect(await reasonOf(cancel({ request: { id: id("request"), fingerprint: "g" } }))).toBe(
      "REQUEST_ID_REUSED",
    );
    expect((await task()).state).toBe(TaskState.ACTIVE);
  });
}
