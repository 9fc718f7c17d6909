import { expect, it } from "vitest";
import { CancelOutcome, EventState, Handler, TaskState } from "../../src/proto.ts";
import { at, newEvent, reasonOf, type Scene, show } from "./scene.ts";

export function describeCancelling(scene: () => Scene): void {
  it("ends the running turn and drops what waits, on the record", async () => {
    const { activate, send, turn, append, cancel, states, messages, log, task, id } = scene();
    await activate();
    await send("e1");
    await send("e2");
    await send("later", { deliverTime: at(100) });
    const { turn: number } = await turn();
    await append(number, [show.begin(id("m"))]);
    const { sequence } = await task();
    const answer = await cancel({ reason: "enough", now: at(7) });
    const cancelling = await task();
    expect(answer).toEqual({ task: cancelling, duplicate: false });
    expect(cancelling).toMatchObject({
      state: TaskState.CANCELLING,
      statusReason: "enough",
      pendingEvents: 0,
      scheduledEvents: 0,
      cancellation: { requestTime: at(7), outcome: CancelOutcome.REQUESTED, droppedEvents: 3 },
    });
    expect(cancelling).not.toHaveProperty("processingEventId");
    expect(cancelling).not.toHaveProperty("endTime");
    expect((await log()).filter((entry) => entry.sequence > sequence)).toMatchObject([
      {
        time: at(7),
        kind: "superseded",
        superseded: {
          eventId: id("e1"),
          eventIds: [id("e1")],
          attempt: 1,
          messageIds: [id("m")],
          error: { reason: "TASK_CANCELLED" },
        },
      },
      { kind: "event", event: { id: id("e1"), state: EventState.DROPPED, attempt: 1 } },
      { kind: "event", event: { id: id("e2"), state: EventState.DROPPED, attempt: 0 } },
      { kind: "event", event: { id: id("later"), state: EventState.DROPPED, attempt: 0 } },
      { kind: "task", task: cancelling },
    ]);
    expect(await states()).toEqual({ e1: "DROPPED", e2: "DROPPED", later: "DROPPED" });
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

    await cancel({ reason: "enough", now: at(5) });
    const expected = ["task", "child", "grandchild", "orphan"].map(id);
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
    expect(await cancel({ reason: "second", now: at(9) })).toEqual({ task: cancelling, duplicate: false });
    await commit(number, { output: [show.end(id("m"), "")] });
    const cancelled = await task();
    expect(cancelled.state).toBe(TaskState.CANCELLED);
    expect(await cancel({ reason: "third", now: at(9) })).toEqual({ task: cancelled, duplicate: false });
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

  it.each([
    { forced: false, outcome: CancelOutcome.STOPPED },
    { forced: true, outcome: CancelOutcome.FORCED },
  ])("ends STOPPED, or FORCED if a handler was left behind: $forced", async ({ forced, outcome }) => {
    const { activate, send, turn, cancel, commit, task } = scene();
    await activate();
    await send("e");
    await turn();
    await cancel({ now: at(1) });
    expect((await task()).cancellation?.outcome).toBe(CancelOutcome.REQUESTED);
    await commit((await turn({ forced })).turn);
    const cancellation = { requestTime: at(1), outcome, droppedEvents: 1 };
    expect(await task()).toMatchObject({ state: TaskState.CANCELLED, cancellation });
  });

  it("stays FORCED when onTaskCancel is tried again", async () => {
    const { activate, cancel, turn, fail, commit, task } = scene();
    await activate();
    await cancel();
    await fail((await turn({ forced: true })).turn, { retryTime: at(0) });
    await commit((await turn({ forced: false })).turn);
    expect((await task()).cancellation?.outcome).toBe(CancelOutcome.FORCED);
  });

  it("says of each event that it was dropped because the task was cancelled", async () => {
    const { activate, send, turn, cancel, events } = scene();
    await activate();
    await send("e1");
    await send("e2");
    await turn();
    await cancel();
    for (const event of await events()) expect(event.lastError?.reason).toBe("TASK_CANCELLED");
  });

  it("drops an event that is to be tried again", async () => {
    const { activate, send, turn, fail, cancel, states, task } = scene();
    await activate();
    await send("e");
    await fail((await turn()).turn, { retryTime: at(100) });
    await cancel();
    expect(await states()).toEqual({ e: "DROPPED" });
    expect((await task()).cancellation?.droppedEvents).toBe(1);
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
    expect(await cancel({ ...args, now: at(99) })).toEqual({ task: first.task, duplicate: true });
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
