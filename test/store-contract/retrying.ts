import { expect, it } from "vitest";
import { EventState, Handler, MessageState, TaskState } from "../../src/proto.ts";
import { at, boom, newEvent, type Scene, show } from "./scene.ts";

export function describeRetrying(scene: () => Scene): void {
  it("supersedes what the turn showed and puts its event back, on the record", async () => {
    const { activate, send, turn, append, fail, messages, events, log, task, store, id } = scene();
    await activate();
    await send("e");
    const { turn: number } = await turn();
    await append(number, [show.whole(id("m1")), show.begin(id("m2"))]);
    const { sequence } = await task();
    await fail(number, { retryTime: at(100), now: at(3) });
    expect((await log()).filter((entry) => entry.sequence > sequence)).toMatchObject([
      {
        time: at(3),
        kind: "superseded",
        superseded: {
          handler: Handler.TASK_EVENT_SEND,
          eventId: id("e"),
          eventIds: [id("e")],
          attempt: 1,
          messageIds: [id("m1"), id("m2")],
          error: boom,
          retryTime: at(100),
        },
      },
      { kind: "event", event: { id: id("e"), state: EventState.QUEUED, attempt: 1, lastError: boom } },
    ]);
    expect(await messages()).toEqual([]);
    expect(await events()).toMatchObject([
      { state: EventState.QUEUED, attempt: 1, lastError: boom, updateTime: at(3) },
    ]);
    expect(await task()).toMatchObject({ state: TaskState.ACTIVE, pendingEvents: 1 });
    expect((await task()).processingEventId).toBeUndefined();
    expect(await store.getState(id("task"))).toMatchObject({ values: {}, revision: 0 });
  });

  it("keeps what earlier turns showed", async () => {
    const { activate, send, turn, commit, append, fail, messages, id } = scene();
    await activate();
    await send("e1");
    await commit((await turn()).turn, { output: [show.whole(id("m1"))] });
    await send("e2");
    const failing = await turn();
    await append(failing.turn, [show.whole(id("m2"))]);
    await fail(failing.turn, { retryTime: at(0) });
    const again = await turn();
    await commit(again.turn, { output: [show.whole(id("m3"))] });
    expect(await messages()).toMatchObject([
      { id: id("m1"), eventId: id("e1"), attempt: 1 },
      { id: id("m3"), eventId: id("e2"), attempt: 2, state: MessageState.DONE },
    ]);
  });

  it("runs the event again at its retry time and not before, ahead of those behind it", async () => {
    const { activate, send, turn, fail, start, due, store, agent, id } = scene();
    await activate();
    await send("e1");
    await send("e2");
    await fail((await turn()).turn, { retryTime: at(100) });
    expect(await start({ now: at(99) })).toEqual({ dueTime: at(100) });
    expect(await due(at(99))).toEqual([]);
    const args = { owner: "a", agents: [agent], now: at(99), limit: 10 };
    expect(await store.dueTasks(args)).toEqual({ taskIds: [], nextDueTime: at(100) });
    expect(await due(at(100))).toEqual([id("task")]);
    expect((await turn({ now: at(100) })).events[0]?.id).toBe(id("e1"));
  });

  it("counts attempts and, of them, those that failed", async () => {
    const { activate, send, turn, fail, commit, events } = scene();
    await activate();
    await send("e1");
    await send("e2");
    await fail((await turn()).turn, { retryTime: at(0) });
    const second = await turn();
    expect(second).toMatchObject({ attempt: 2, failures: 1, events: [{ attempt: 2, lastError: boom }] });
    await fail(second.turn, { retryTime: at(0), counts: false });
    const third = await turn();
    expect(third).toMatchObject({ attempt: 3, failures: 1 });
    await commit(third.turn);
    expect(await turn()).toMatchObject({ attempt: 1, failures: 0, events: [{ attempt: 1 }] });
    expect(await events()).toMatchObject([{ state: EventState.PROCESSED, attempt: 3, lastError: boom }, {}]);
  });

  it("gives up without a retry time, and fails its task if told so: what waits is DROPPED", async () => {
    const { activate, send, turn, append, fail, events, messages, task, log, due, start, id } = scene();
    await activate();
    for (const name of ["e1", "e2", "e3"]) await send(name);
    const { turn: number } = await turn();
    await append(number, [show.whole(id("m"))]);
    const { sequence } = await task();
    await fail(number, { exhausted: "fail", now: at(6) });
    const ended = await task();
    expect(ended).toMatchObject({ state: TaskState.FAILED, error: boom, endTime: at(6), pendingEvents: 0 });
    expect(await events()).toMatchObject([
      { state: EventState.DEAD_LETTERED, attempt: 1, lastError: boom },
      { state: EventState.DROPPED },
      { state: EventState.DROPPED },
    ]);
    expect(await messages()).toEqual([]);
    const entries = (await log()).filter((entry) => entry.sequence > sequence);
    expect(entries[0]).toMatchObject({
      kind: "superseded",
      superseded: { messageIds: [id("m")], error: boom },
    });
    expect(entries[0]).not.toHaveProperty("superseded.retryTime");
    expect(entries.at(-1)).toMatchObject({ kind: "task", task: ended });
    expect(await due(at(1e6))).toEqual([]);
    expect(await start({ now: at(1e6) })).toEqual({});
  });

  it("runs onTaskCreate again, or gives it up with the task", async () => {
    const { create, turn, fail, task, events, id } = scene();
    await create({ event: newEvent(id("e")) });
    await fail((await turn()).turn, { retryTime: at(5) });
    expect(await task()).toMatchObject({ state: TaskState.PENDING, pendingEvents: 1 });
    const again = await turn({ now: at(5) });
    expect(again).toMatchObject({ handler: Handler.TASK_CREATE, attempt: 2, failures: 1 });
    await fail(again.turn, { exhausted: "dead-letter" });
    expect(await task()).toMatchObject({ state: TaskState.FAILED, error: boom, pendingEvents: 0 });
    expect(await events()).toMatchObject([{ state: EventState.DROPPED }]);
  });

  it("fails the task with onTaskCreate, and cancels it with onTaskCancel, whatever comes of what is exhausted", async () => {
    for (const exhausted of ["dead-letter", "pause", "fail"] as const) {
      const { create, cancel, turn, fail, task, id } = scene();
      await create();
      await fail((await turn()).turn, { exhausted });
      expect((await task()).state).toBe(TaskState.FAILED);
      const other = { taskId: id("other") };
      await create(other);
      await cancel(other);
      await fail((await turn(other)).turn, { ...other, exhausted });
      expect((await task(id("other"))).state).toBe(TaskState.CANCELLED);
    }
  });

  it("runs onTaskCancel again, or gives it up: the task is CANCELLED all the same, with the error", async () => {
    const { activate, cancel, turn, fail, task, log, start } = scene();
    await activate();
    await cancel({ reason: "enough" });
    await fail((await turn()).turn, { retryTime: at(5) });
    expect((await task()).state).toBe(TaskState.CANCELLING);
    expect(await start({ now: at(4) })).toEqual({ dueTime: at(5) });
    const again = await turn({ now: at(5) });
    expect(again).toMatchObject({ handler: Handler.TASK_CANCEL, attempt: 2, failures: 1 });
    await fail(again.turn, { now: at(6) });
    const ended = await task();
    expect(ended).toMatchObject({
      state: TaskState.CANCELLED,
      statusReason: "enough",
      error: boom,
      endTime: at(6),
    });
    expect((await log()).at(-1)).toMatchObject({ kind: "task", task: ended });
  });
}
