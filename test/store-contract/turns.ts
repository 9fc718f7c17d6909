import { expect, it } from "vitest";
import { EventState, Handler, TaskState } from "../../src/proto.ts";
import { at, newEvent, reasonOf, type Scene, show } from "./scene.ts";

export function describeTurns(scene: () => Scene): void {
  it("starts onTaskCreate first, and no event before it has committed", async () => {
    const { create, turn, commit, fail, id } = scene();
    await create({ event: newEvent(id("e")) });
    const first = await turn();
    expect(first).toMatchObject({ turn: 1, handler: Handler.TASK_CREATE, attempt: 1, failures: 0 });
    expect(first.event).toBeUndefined();
    await fail(first.turn, { retryTime: at(0) });
    const second = await turn();
    expect(second).toMatchObject({ turn: 2, handler: Handler.TASK_CREATE, attempt: 2, failures: 1 });
    await commit(second.turn);
    expect(await turn()).toMatchObject({ handler: Handler.TASK_EVENT_SEND, event: { id: id("e") } });
  });

  it("has a task that gives its place up, with more to do, due after those that wait", async () => {
    const { activate, send, start, commit, due, id } = scene();
    for (const [n, name] of ["t1", "t2"].entries()) {
      const taskId = id(name);
      await activate({ taskId });
      for (const event of ["a", "b"]) await send(`${name}${event}`, { taskId, now: at(n) });
    }
    expect(await due(at(5))).toEqual([id("t1"), id("t2")]);
    const { turn } = await start({ taskId: id("t1"), now: at(5) });
    await commit(turn?.turn ?? 0, { taskId: id("t1"), now: at(6) });
    expect(await due(at(6))).toEqual([id("t2"), id("t1")]);
  });

  it("starts events in the order in which they were accepted, one at a time", async () => {
    const { activate, send, start, turn, commit, id } = scene();
    await activate();
    for (const name of ["z", "a", "m"]) await send(name);
    for (const name of ["z", "a", "m"]) {
      const running = await turn();
      expect(running.event?.id).toBe(id(name));
      expect(await start()).toEqual({});
      await commit(running.turn);
    }
    expect(await start()).toEqual({});
  });

  it("tells the turn what it needs to know", async () => {
    const { activate, send, turn, commit, task, events, store, id } = scene();
    await activate({ labels: { a: "1" } });
    await send("e1");
    await send("e2");
    await commit((await turn()).turn, { changes: { k: '"v"' } });
    const started = await turn({ now: at(3) });
    const [, event] = await events();
    expect(started).toEqual({
      turn: 3,
      handler: Handler.TASK_EVENT_SEND,
      task: await task(),
      event,
      attempt: 1,
      failures: 0,
      state: await store.getState(id("task")),
    });
    expect(event).toEqual({
      ...newEvent(id("e2")),
      taskId: id("task"),
      sequence: event?.sequence,
      state: EventState.PROCESSING,
      attempt: 1,
      createTime: at(0),
      updateTime: at(3),
    });
    expect(started.state).toMatchObject({ values: { k: '"v"' }, revision: 1 });
    expect(await task()).toMatchObject({ pendingEvents: 0, processingEventId: id("e2"), updateTime: at(3) });
  });

  it("leaves tasks of other agents alone, and those that are not there", async () => {
    const { create, start, agent, id } = scene();
    await create();
    expect(await start({ agents: [] })).toEqual({});
    expect(await start({ agents: [id("another")] })).toEqual({});
    expect(await start({ taskId: id("nobody") })).toEqual({});
    expect((await start({ agents: [id("another"), agent] })).turn?.turn).toBe(1);
  });

  it("says when a turn is due later", async () => {
    const { create, start } = scene();
    await create({ now: at(50) });
    expect(await start({ now: at(49) })).toEqual({ dueTime: at(50) });
    expect((await start({ now: at(50) })).turn?.turn).toBe(1);
  });

  it("has nothing to start for a task that is idle, or has ended", async () => {
    const { activate, send, finish, start } = scene();
    await activate();
    expect(await start({ now: at(1e6) })).toEqual({});
    await send("e");
    await finish({ kind: "complete" });
    expect(await start({ now: at(1e6) })).toEqual({});
  });

  it("leaves a turn alone that its owner runs", async () => {
    const { create, append, start, turn, commit, task, id } = scene();
    await create();
    const running = await turn();
    await append(running.turn, [show.whole(id("m"))]);
    const before = await task();
    expect(await start({ now: at(1e6) })).toEqual({});
    expect(await task()).toEqual(before);
    await commit(running.turn);
  });

  it("starts one turn for an owner that asks many times at once", async () => {
    const { activate, send, start, log } = scene();
    await activate();
    await send("e");
    const results = await Promise.all(Array.from({ length: 30 }, () => start()));
    expect(results.filter(({ turn }) => turn !== undefined)).toHaveLength(1);
    expect((await log()).filter(({ kind }) => kind === "superseded")).toEqual([]);
  });

  it("starts the next turn with the commit of the one before", async () => {
    const { create, turn, commit, agent, task, id } = scene();
    const next = { owner: "a", agents: [agent], maxLosses: 3 };
    await create({ event: newEvent(id("e1")) });
    const first = await commit((await turn()).turn, { next });
    expect(first.turn).toMatchObject({ turn: 2, handler: Handler.TASK_EVENT_SEND, event: { id: id("e1") } });
    expect(await task()).toMatchObject({ processingEventId: id("e1"), pendingEvents: 0 });
    expect(await commit(2, { next })).toEqual({});
    expect(await reasonOf(commit(2, { next }))).toBe("TURN_OVER");
  });

  it("starts no turn with a commit that ends the task, or does not ask for one", async () => {
    const { create, turn, commit, agent, start, id } = scene();
    const next = { owner: "a", agents: [agent], maxLosses: 3 };
    await create({ event: newEvent(id("e1")) });
    expect(await commit((await turn()).turn)).toEqual({});
    const second = await turn();
    expect(await commit(second.turn, { next, outcome: { kind: "complete" } })).toEqual({});
    expect(await start()).toEqual({});
  });

  it("runs a turn again whose owner is gone, and supersedes what it showed", async () => {
    const { activate, send, turn, append, messages, events, log, task, id } = scene();
    await activate();
    await send("e1");
    await send("e2");
    const lost = await turn();
    await append(lost.turn, [show.whole(id("m1")), show.begin(id("m2")), show.delta(id("m2"), "half")]);
    const { sequence } = await task();
    const again = await turn({ owner: "b", now: at(9) });
    expect(again).toMatchObject({
      turn: lost.turn + 1,
      attempt: 2,
      failures: 0,
      event: { id: id("e1"), attempt: 2 },
    });
    expect(await messages()).toEqual([]);
    const error = { reason: "TURN_LOST", message: expect.any(String) };
    const entries = (await log()).filter((entry) => entry.sequence > sequence);
    expect(entries).toMatchObject([
      {
        kind: "superseded",
        superseded: {
          handler: Handler.TASK_EVENT_SEND,
          eventId: id("e1"),
          attempt: 1,
          messageIds: [id("m1"), id("m2")],
          error,
          retryTime: at(9),
        },
      },
      { kind: "event", event: { id: id("e1"), state: EventState.QUEUED, attempt: 1, lastError: error } },
      { kind: "event", event: { id: id("e1"), state: EventState.PROCESSING, attempt: 2 } },
    ]);
    expect(await events()).toMatchObject([{ state: EventState.PROCESSING }, { state: EventState.QUEUED }]);
    expect(await task()).toMatchObject({ pendingEvents: 1, processingEventId: id("e1") });
  });

  it("gives up a turn that was lost more often than it may be: the event is DEAD_LETTERED, the task FAILED", async () => {
    const { activate, send, start, turn, events, task, log } = scene();
    await activate();
    await send("e1");
    await send("e2");
    for (const owner of ["a", "b", "c"]) await turn({ owner, maxLosses: 2 });
    expect(await start({ owner: "d", maxLosses: 2, now: at(9) })).toEqual({});
    const error = { reason: "TURN_LOST" };
    expect(await task()).toMatchObject({ state: TaskState.FAILED, error, endTime: at(9), pendingEvents: 0 });
    expect(await events()).toMatchObject([
      { state: EventState.DEAD_LETTERED, attempt: 3, lastError: error },
      { state: EventState.DROPPED, attempt: 0 },
    ]);
    expect((await log()).at(-1)).toMatchObject({ kind: "task", task: { state: TaskState.FAILED } });
  });

  it("gives up onTaskCreate and onTaskCancel too when they are lost too often", async () => {
    const { create, cancel, start, turn, task } = scene();
    await create();
    await turn({ owner: "a" });
    await start({ owner: "b", maxLosses: 0 });
    expect(await task()).toMatchObject({ state: TaskState.FAILED, error: { reason: "TURN_LOST" } });

    const other = scene();
    await other.create();
    await other.cancel();
    await other.turn({ owner: "a" });
    await other.start({ owner: "b", maxLosses: 0 });
    expect(await other.task()).toMatchObject({ state: TaskState.CANCELLED, error: { reason: "TURN_LOST" } });
    expect(await reasonOf(cancel())).toBe("TASK_FINISHED");
  });

  it("counts losses of one piece of work only", async () => {
    const { activate, send, turn, commit } = scene();
    await activate();
    for (const [name, first, second] of [
      ["e1", "a", "b"],
      ["e2", "a", "b"],
    ] as const) {
      await send(name);
      await turn({ owner: first, maxLosses: 1 });
      const again = await turn({ owner: second, maxLosses: 1 });
      expect(again.attempt).toBe(2);
      await commit(again.turn);
    }
  });

  it("leaves one turn running when many owners want it at once", async () => {
    const { activate, send, start, append, messages, id } = scene();
    await activate();
    await send("e");
    const owners = Array.from({ length: 10 }, (_, n) => `owner-${n}`);
    const results = await Promise.all(owners.map((owner) => start({ owner, maxLosses: 99 })));
    const turns = results.flatMap(({ turn }) => (turn === undefined ? [] : [turn.turn]));
    expect(new Set(turns).size).toBe(turns.length);
    const writes = turns.map((turn) => append(turn, [show.whole(id(`m${turn}`))]));
    const outcomes = await Promise.allSettled(writes);
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect((await messages()).map((message) => message.id)).toEqual([id(`m${Math.max(...turns)}`)]);
  });

  it("lets the tasks of an agent run beside each other", async () => {
    const { activate, send, turn, id } = scene();
    for (const name of ["one", "two"]) {
      await activate({ taskId: id(name) });
      await send(`e-${name}`, { taskId: id(name) });
    }
    const [one, two] = [await turn({ taskId: id("one") }), await turn({ taskId: id("two") })];
    expect([one.event?.id, two.event?.id]).toEqual([id("e-one"), id("e-two")]);
  });
}
