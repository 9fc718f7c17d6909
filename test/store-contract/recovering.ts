import { expect, it } from "vitest";
import { EventState, Handler, TaskState } from "../../src/proto.ts";
import { at, newEvent, reasonOf, type Scene, show } from "./scene.ts";

export function describeRecovering(scene: () => Scene): void {
  const error = { reason: "TURN_LOST", message: expect.any(String) };

  it("runs a turn again whose owner is gone, and supersedes what it showed", async () => {
    const { activate, send, turn, append, recover, due, messages, states, log, task, id } = scene();
    await activate();
    await send("e1");
    await send("e2");
    const lost = await turn();
    await append(lost.turn, [show.whole(id("m1")), show.begin(id("m2")), show.delta(id("m2"), "half")]);
    const { sequence } = await task();
    await recover({ now: at(9) });
    expect(await due(at(8))).toEqual([]);
    expect(await due(at(9))).toEqual([id("task")]);
    const again = await turn({ owner: "b", now: at(9) });
    expect(again).toMatchObject({
      turn: lost.turn + 1,
      attempt: 2,
      failures: 0,
      events: [{ id: id("e1"), attempt: 2, lastError: error }],
    });
    expect(await messages()).toEqual([]);
    expect((await log()).filter((entry) => entry.sequence > sequence)).toMatchObject([
      {
        kind: "superseded",
        superseded: {
          handler: Handler.TASK_EVENT_SEND,
          eventId: id("e1"),
          eventIds: [id("e1")],
          attempt: 1,
          messageIds: [id("m1"), id("m2")],
          error,
          retryTime: at(9),
        },
      },
      { kind: "event", event: { id: id("e1"), state: EventState.QUEUED, attempt: 1, lastError: error } },
      { kind: "event", event: { id: id("e1"), state: EventState.PROCESSING, attempt: 2 } },
    ]);
    expect(await states()).toEqual({ e1: "PROCESSING", e2: "QUEUED" });
    expect(await task()).toMatchObject({ pendingEvents: 1, processingEventId: id("e1") });
  });

  it("fences the turn that was lost", async () => {
    const { activate, send, turn, append, commit, fail, take, recover, states } = scene();
    await activate();
    await send("e");
    const { turn: number } = await turn();
    await recover();
    for (const call of [append(number, []), commit(number), fail(number), take(number)])
      expect(await reasonOf(call)).toBe("TURN_OVER");
    expect(await states()).toEqual({ e: "QUEUED" });
  });

  it("leaves its owner's turns alone, and what waits for a retry", async () => {
    const { activate, send, turn, commit, fail, recover, log, id } = scene();
    await activate();
    await activate({ taskId: id("other") });
    await send("e1");
    await send("e2", { taskId: id("other") });
    const own = await turn({ owner: "b" });
    const failing = await turn({ owner: "a", taskId: id("other") });
    await fail(failing.turn, { taskId: id("other"), retryTime: at(5) });
    const before = [await log(), await log(id("other"))];
    await recover({ owner: "b" });
    expect([await log(), await log(id("other"))]).toEqual(before);
    await commit(own.turn);
  });

  it("puts back what a lost turn had taken, at its place", async () => {
    const { activate, send, turn, take, recover, states, waiting, id } = scene();
    await activate();
    for (const name of ["e1", "e2", "e3"]) await send(name);
    const { turn: number } = await turn();
    await take(number, { limit: 1 });
    await recover();
    expect(await states()).toEqual({ e1: "QUEUED", e2: "QUEUED", e3: "QUEUED" });
    expect((await turn({ owner: "b" })).events).toMatchObject([{ id: id("e1") }]);
    expect(await waiting()).toEqual(["e2", "e3"]);
  });

  it("gives up a turn that was lost more often than it may be: the event is DEAD_LETTERED", async () => {
    const { activate, send, turn, recover, events, task, id } = scene();
    await activate();
    await send("e1");
    await send("e2");
    for (let lost = 0; lost < 3; lost++) {
      const {
        events: [event],
      } = await turn({ now: at(lost) });
      expect(event).toMatchObject({ id: id("e1"), attempt: lost + 1 });
      await recover({ maxLosses: 2, now: at(lost) });
    }
    expect(await events()).toMatchObject([
      { state: EventState.DEAD_LETTERED, attempt: 3, lastError: error },
      { state: EventState.QUEUED, attempt: 0 },
    ]);
    expect(await task()).toMatchObject({ state: TaskState.ACTIVE, pendingEvents: 1, deadLetteredEvents: 1 });
    expect((await turn({ now: at(2) })).events).toMatchObject([{ id: id("e2") }]);
  });

  it.each([
    ["pause", TaskState.PAUSED],
    ["fail", TaskState.FAILED],
  ] as const)("does what the agent says with a task whose turn is given up: %s", async (said, state) => {
    const { activate, send, turn, recover, events, task } = scene();
    await activate();
    await send("e1");
    await turn();
    const { agent } = await task();
    await recover({ maxLosses: 0, exhausted: new Map([[agent, said]]), now: at(4) });
    expect(await events()).toMatchObject([{ state: EventState.DEAD_LETTERED, lastError: error }]);
    expect(await task()).toMatchObject({ state });
  });

  it("ends a task once whose turns were lost side by side, and all of them with it", async () => {
    const { rules, activate, send, turn, recover, events, states, task, log, id } = scene();
    await rules({ parallel: 2 });
    await activate();
    const child = { taskId: id("child") };
    await activate({ ...child, parentTaskId: id("task") });
    for (const name of ["e1", "e2"]) await send(name, child);
    for (const _ of ["e1", "e2"]) await turn(child);
    const { agent } = await task();
    await recover({ maxLosses: 0, exhausted: new Map([[agent, "fail"]]), now: at(4) });
    expect(await task(id("child"))).toMatchObject({ state: TaskState.FAILED, pendingEvents: 0 });
    expect(await states(id("child"))).toEqual({ e1: "DEAD_LETTERED", e2: "DROPPED" });
    expect((await log(id("child"))).at(-1)).toMatchObject({
      kind: "task",
      task: { state: TaskState.FAILED },
    });
    expect(await events()).toMatchObject([{ id: `${id("child")}.ended` }]);
  });

  it("gives up onTaskCreate and onTaskCancel too when they are lost too often", async () => {
    const { create, cancel, recover, turn, task, id } = scene();
    await create({ event: newEvent(id("e")) });
    await create({ taskId: id("other") });
    await turn();
    await cancel({ taskId: id("other") });
    await turn({ taskId: id("other") });
    await recover({ maxLosses: 0, now: at(4) });
    const ended = { error, endTime: at(4), pendingEvents: 0 };
    expect(await task()).toMatchObject({ state: TaskState.FAILED, ...ended });
    expect(await task(id("other"))).toMatchObject({ state: TaskState.CANCELLED, ...ended });
  });

  it("counts losses of one piece of work only, and no failures", async () => {
    const { activate, send, turn, recover, fail, commit } = scene();
    await activate();
    for (const name of ["e1", "e2"]) {
      await send(name);
      await fail((await turn()).turn, { retryTime: at(0) });
      await turn();
      await recover({ maxLosses: 1 });
      const again = await turn();
      expect(again).toMatchObject({ attempt: 3, failures: 1 });
      await commit(again.turn);
    }
  });

  it("takes so many at a time, and tells how many", async () => {
    const { store, create, turn, recover, due, id } = scene();
    await recover();
    const names = ["t1", "t2", "t3"].map(id);
    for (const taskId of names) {
      await create({ taskId });
      await turn({ taskId });
    }
    const args = { owner: "b", maxLosses: 3, limit: 2, now: at(1) };
    const rounds = [];
    for (let round = 0; round < 3; round++) rounds.push(await store.recoverTurns(args));
    expect(rounds).toEqual([2, 1, 0]);
    expect((await due(at(1))).sort()).toEqual(names);
  });
}
