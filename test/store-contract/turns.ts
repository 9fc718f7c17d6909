import { expect, it } from "vitest";
import { EventState, Handler } from "../../src/proto.ts";
import { at, newEvent, reasonOf, type Scene, show } from "./scene.ts";

export function describeTurns(scene: () => Scene): void {
  it("starts onTaskCreate first, and no event before it has committed", async () => {
    const { create, turn, commit, fail, id } = scene();
    await create({ event: newEvent(id("e")) });
    const first = await turn();
    expect(first).toMatchObject({ turn: 1, handler: Handler.TASK_CREATE, attempt: 1, failures: 0 });
    expect(first.events).toEqual([]);
    await fail(first.turn, { retryTime: at(0) });
    const second = await turn();
    expect(second).toMatchObject({ turn: 2, handler: Handler.TASK_CREATE, attempt: 2, failures: 1 });
    await commit(second.turn);
    expect(await turn()).toMatchObject({ handler: Handler.TASK_EVENT_SEND, events: [{ id: id("e") }] });
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
      expect(running.events[0]?.id).toBe(id(name));
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
      events: [event],
      hops: 0,
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
    const { create, turn, fail, start } = scene();
    await create();
    await fail((await turn()).turn, { retryTime: at(50) });
    expect(await start({ now: at(49) })).toEqual({ dueTime: at(50) });
    expect((await start({ now: at(50) })).turn?.turn).toBe(2);
  });

  it("has nothing to start for a task that is idle, or has ended", async () => {
    const { activate, send, finish, start } = scene();
    await activate();
    expect(await start({ now: at(1e6) })).toEqual({});
    await send("e");
    await finish({ kind: "complete" });
    expect(await start({ now: at(1e6) })).toEqual({});
  });

  it("leaves a turn alone that runs, whoever asks", async () => {
    const { create, append, start, turn, commit, task, id } = scene();
    await create();
    const running = await turn();
    await append(running.turn, [show.whole(id("m"))]);
    const before = await task();
    for (const owner of ["a", "b"]) expect(await start({ owner, now: at(1e6) })).toEqual({});
    expect(await task()).toEqual(before);
    await commit(running.turn);
  });

  it("starts one turn for many owners that ask at once", async () => {
    const { activate, send, start, log } = scene();
    await activate();
    await send("e");
    const results = await Promise.all(
      Array.from({ length: 30 }, (_, n) => start({ owner: `owner ${n % 3}` })),
    );
    expect(results.filter(({ turn }) => turn !== undefined)).toHaveLength(1);
    expect((await log()).filter(({ kind }) => kind === "superseded")).toEqual([]);
  });

  it("starts the next turn with the commit of the one before", async () => {
    const { create, turn, commit, agent, task, id } = scene();
    const next = { owner: "a", agents: [agent] };
    await create({ event: newEvent(id("e1")) });
    const first = await commit((await turn()).turn, { next });
    expect(first.turn).toMatchObject({
      turn: 2,
      handler: Handler.TASK_EVENT_SEND,
      events: [{ id: id("e1") }],
    });
    expect(await task()).toMatchObject({ processingEventId: id("e1"), pendingEvents: 0 });
    expect(await commit(2, { next })).toEqual({});
    expect(await reasonOf(commit(2, { next }))).toBe("TURN_OVER");
  });

  it("starts no turn with a commit that ends the task, or does not ask for one", async () => {
    const { create, turn, commit, agent, start, id } = scene();
    const next = { owner: "a", agents: [agent] };
    await create({ event: newEvent(id("e1")) });
    expect(await commit((await turn()).turn)).toEqual({});
    const second = await turn();
    expect(await commit(second.turn, { next, outcome: { kind: "complete" } })).toEqual({});
    expect(await start()).toEqual({});
  });

  it("lets the tasks of an agent run beside each other", async () => {
    const { activate, send, turn, id } = scene();
    for (const name of ["one", "two"]) {
      await activate({ taskId: id(name) });
      await send(`e-${name}`, { taskId: id(name) });
    }
    const [one, two] = [await turn({ taskId: id("one") }), await turn({ taskId: id("two") })];
    expect([one.events[0]?.id, two.events[0]?.id]).toEqual([id("e-one"), id("e-two")]);
  });
}
