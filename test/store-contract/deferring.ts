import { expect, it } from "vitest";
import { TaskState } from "../../src/proto.ts";
import type { Outcome } from "../../src/server/store/calls.ts";
import { at, type Scene, show } from "./scene.ts";

type Deferral = Omit<Extract<Outcome, { kind: "defer" }>, "kind">;

export function describeDeferring(scene: () => Scene): void {
  /** A task whose turn for its event `e` has deferred at 10. */
  async function deferred(until: Deferral): Promise<Scene> {
    const one = scene();
    await one.activate();
    await one.send("e");
    await one.finish({ kind: "defer", ...until }, { now: at(10) });
    return one;
  }

  it("leaves the event in the mailbox until a time, on the record", async () => {
    const { states, task, log, waiting, start, store, agent, due, turn, id } = await deferred({
      untilTime: at(100),
    });
    expect(await states()).toEqual({ e: "QUEUED" });
    expect(await waiting()).toEqual(["e"]);
    expect(await task()).toMatchObject({ state: TaskState.ACTIVE, pendingEvents: 1 });
    expect(await task()).not.toHaveProperty("processingEventId");
    expect((await log()).at(-1)).toMatchObject({ kind: "event", event: { id: id("e") }, time: at(10) });
    expect((await log()).some(({ kind }) => kind === "superseded")).toBe(false);
    expect(await start({ now: at(99) })).toEqual({ dueTime: at(100) });
    const args = { agents: [agent], now: at(99), limit: 9 };
    expect(await store.dueTasks(args)).toEqual({ taskIds: [], nextDueTime: at(100) });
    expect(await due(at(100))).toEqual([id("task")]);
    expect(await turn({ now: at(100) })).toMatchObject({
      failures: 0,
      events: [{ id: id("e"), attempt: 2 }],
    });
  });

  it("keeps what the turn showed and stored", async () => {
    const { activate, send, turn, commit, messages, store, id } = scene();
    await activate();
    await send("e");
    const outcome = { kind: "defer", untilTime: at(100) } as const;
    await commit((await turn()).turn, { outcome, output: [show.whole(id("m"))], changes: { a: "1" } });
    expect(await messages()).toMatchObject([{ id: id("m") }]);
    expect((await store.getState(id("task"))).values).toEqual({ a: "1" });
  });

  it("says with its commit when the next turn is due", async () => {
    const { activate, send, turn, commit, agent } = scene();
    await activate();
    await send("e");
    const args = {
      outcome: { kind: "defer", untilTime: at(100) },
      next: { owner: "a", agents: [agent] },
    } as const;
    expect(await commit((await turn()).turn, args)).toEqual({ dueTime: at(100) });
  });

  it("waits until so many events wait, the one that it left included", async () => {
    const { send, start, due, turn, id } = await deferred({ untilEvents: 3 });
    expect(await start({ now: at(1e6) })).toEqual({});
    await send("e2", { now: at(20) });
    expect(await start({ now: at(1e6) })).toEqual({});
    await send("e3", { now: at(30) });
    expect(await due(at(30))).toEqual([id("task")]);
    expect((await turn({ now: at(30) })).events).toMatchObject([{ id: id("e") }]);
  });

  it("goes by the time or by the events, whichever comes first", async () => {
    const byTime = await deferred({ untilTime: at(50), untilEvents: 2 });
    expect((await byTime.turn({ now: at(50) })).events).toMatchObject([{ id: byTime.id("e") }]);
    const byEvents = await deferred({ untilTime: at(50), untilEvents: 2 });
    await byEvents.send("e2", { now: at(20) });
    expect((await byEvents.turn({ now: at(20) })).events).toMatchObject([{ id: byEvents.id("e") }]);
  });

  it("is due at once if as many wait already, or the time has passed", async () => {
    const past = await deferred({ untilTime: at(10) });
    expect((await past.turn({ now: at(10) })).events).toMatchObject([{ id: past.id("e") }]);
    const enough = await deferred({ untilEvents: 1 });
    expect((await enough.turn({ now: at(10) })).events).toMatchObject([{ id: enough.id("e") }]);
  });

  it("counts scheduled events when they are delivered", async () => {
    const { send, start, fire, turn } = await deferred({ untilEvents: 2 });
    await send("later", { now: at(11), deliverTime: at(40) });
    expect(await start({ now: at(39) })).toEqual({});
    await fire(at(40));
    await turn({ now: at(40) });
  });

  it("is passed by an event that goes ahead, and stays put off", async () => {
    const { send, start, turn, commit, id } = await deferred({ untilTime: at(1e6) });
    await send("q", { now: at(20) });
    expect(await start({ now: at(20) })).toEqual({ dueTime: at(1e6) });
    await send("s", { now: at(21), onBusy: "steer" });
    const { turn: number, events } = await turn({ now: at(21) });
    expect(events).toMatchObject([{ id: id("s") }]);
    await commit(number, { now: at(22) });
    expect(await start({ now: at(23) })).toEqual({ dueTime: at(1e6) });
    expect((await turn({ now: at(1e6) })).events).toMatchObject([{ id: id("e") }]);
  });

  it("is passed by one that goes ahead, also where it goes ahead itself", async () => {
    const { activate, send, turn, commit, start, id } = scene();
    await activate();
    await send("one", { onBusy: "steer" });
    await commit((await turn()).turn, { outcome: { kind: "defer", untilTime: at(100) } });
    await send("two", { now: at(20), onBusy: "steer" });
    const { turn: number, events } = await turn({ now: at(20) });
    expect(events).toMatchObject([{ id: id("two") }]);
    await commit(number, { now: at(21), outcome: { kind: "defer", untilTime: at(200) } });
    expect(await start({ now: at(22) })).toEqual({ dueTime: at(100) });
    expect((await turn({ now: at(100) })).events).toMatchObject([{ id: id("one") }]);
  });

  it("is passed by those that go ahead alone, where events are gathered", async () => {
    const { rules, activate, send, turn, commit, start, id } = scene();
    await rules({ batch: { max: 2, wait: 3_600_000 } });
    await activate();
    for (const name of ["e1", "e2"]) await send(name);
    await commit((await turn()).turn, { outcome: { kind: "defer", untilTime: at(100) } });
    await send("s", { now: at(50), onBusy: "steer" });
    const { turn: number, events } = await turn({ now: at(50) });
    expect(events).toMatchObject([{ id: id("s") }]);
    await commit(number, { now: at(51) });
    expect(await start({ now: at(52) })).toEqual({ dueTime: at(100) });
    expect((await turn({ now: at(100) })).events).toMatchObject([{ id: id("e1") }, { id: id("e2") }]);
  });

  it("puts the events back at the head of the mailbox, with those that it had taken, in their order", async () => {
    const { activate, send, turn, take, commit, waiting, states } = scene();
    await activate();
    for (const name of ["e1", "e2", "e3"]) await send(name);
    const { turn: number } = await turn();
    await take(number, { limit: 1 });
    await commit(number, { outcome: { kind: "defer", untilTime: at(100) } });
    expect(await waiting()).toEqual(["e1", "e2", "e3"]);
    expect(await states()).toEqual({ e1: "QUEUED", e2: "QUEUED", e3: "QUEUED" });
  });

  it("needs no room in the mailbox", async () => {
    const { rules, activate, send, turn, commit, task } = scene();
    await rules({ maxPending: 1 });
    await activate();
    await send("e1");
    const { turn: number } = await turn();
    await send("e2");
    await commit(number, { outcome: { kind: "defer", untilTime: at(100) } });
    expect(await task()).toMatchObject({ pendingEvents: 2 });
  });

  it("waits for no more events than the mailbox takes, once it takes fewer", async () => {
    const { rules, send, start, due, turn, id } = await deferred({ untilEvents: 4 });
    await send("e2", { now: at(20) });
    expect(await start({ now: at(20) })).toEqual({});
    await rules({ maxPending: 2 });
    expect(await due(at(30))).toEqual([id("task")]);
    expect((await turn({ now: at(30) })).events).toMatchObject([{ id: id("e"), attempt: 2 }]);
  });

  it("waits for a time though the mailbox takes fewer events than it waits for", async () => {
    const { rules, send, start } = await deferred({ untilEvents: 4, untilTime: at(100) });
    await send("e2", { now: at(20) });
    await rules({ maxPending: 2 });
    expect(await start({ now: at(30) })).toEqual({ dueTime: at(100) });
  });

  it("has nothing in hand meanwhile: its event can be taken back, and is not interrupted", async () => {
    const { interrupt, takeBack, states, start } = await deferred({ untilTime: at(100) });
    expect(await interrupt()).toMatchObject({ interrupted: 0 });
    await takeBack("e", { now: at(20) });
    expect(await states()).toEqual({ e: "DROPPED" });
    expect(await start({ now: at(1e6) })).toEqual({});
  });

  it("puts nothing off any more once its event was taken back", async () => {
    const { send, takeBack, start, turn, id } = await deferred({ untilEvents: 3 });
    await send("next", { now: at(20) });
    expect(await start({ now: at(20) })).toEqual({});
    await takeBack("e", { now: at(30) });
    expect((await turn({ now: at(30) })).events).toMatchObject([{ id: id("next") }]);
  });

  it("puts off what comes for as long as one of its events waits", async () => {
    const { rules, activate, send, turn, commit, takeBack, start, id } = scene();
    await rules({ batch: { max: 2, wait: 0 } });
    await activate();
    for (const name of ["e1", "e2"]) await send(name);
    const { turn: number } = await turn();
    await commit(number, { outcome: { kind: "defer", untilEvents: 4 } });
    await takeBack("e1");
    await send("e3");
    expect(await start({ now: at(40) })).toEqual({});
    await takeBack("e2");
    expect((await turn({ now: at(50) })).events).toMatchObject([{ id: id("e3") }]);
  });

  it("is called by the first of what two turns side by side have asked for", async () => {
    const { rules, activate, send, turn, commit, start, id } = scene();
    await rules({ parallel: 3 });
    await activate();
    for (const name of ["e1", "e2", "e3"]) await send(name, { onBusy: "steer" });
    const [first, second, third] = [await turn(), await turn(), await turn()];
    await commit(first.turn, { outcome: { kind: "defer", untilTime: at(100) } });
    await commit(second.turn, { outcome: { kind: "defer", untilTime: at(1e6), untilEvents: 4 } });
    await commit(third.turn, { outcome: { kind: "defer", untilEvents: 9 } });
    // All three went ahead, and none calls the others.
    expect(await start({ now: at(99) })).toEqual({ dueTime: at(100) });
    expect((await turn({ now: at(100) })).events).toMatchObject([{ id: id("e1") }]);
  });

  it("is called by the fewest events that two turns side by side have asked for", async () => {
    const { rules, activate, send, turn, commit, start, id } = scene();
    await rules({ parallel: 2 });
    await activate();
    for (const name of ["e1", "e2"]) await send(name);
    const [first, second] = [await turn(), await turn()];
    await commit(first.turn, { outcome: { kind: "defer", untilEvents: 3 } });
    await commit(second.turn, { outcome: { kind: "defer", untilTime: at(1e6), untilEvents: 5 } });
    expect(await start({ now: at(20) })).toEqual({ dueTime: at(1e6) });
    await send("e3", { now: at(30) });
    expect((await turn({ now: at(30) })).events).toMatchObject([{ id: id("e1") }]);
  });

  it("puts nothing off while another turn has its event in hand", async () => {
    const { rules, activate, send, turn, take, commit, id } = scene();
    await rules({ parallel: 2 });
    await activate();
    await send("e1");
    await send("e2");
    const [first, second] = [await turn(), await turn()];
    await commit(first.turn, { outcome: { kind: "defer", untilEvents: 3 } });
    await take(second.turn, { limit: 1 });
    await send("e3", { now: at(20) });
    expect((await turn({ now: at(20) })).events).toMatchObject([{ id: id("e3") }]);
  });

  it("defers again and again, and counts the attempts of the event", async () => {
    const { finish, turn } = await deferred({ untilTime: at(20) });
    await finish({ kind: "defer", untilTime: at(30) }, { now: at(20) });
    expect(await turn({ now: at(30) })).toMatchObject({ failures: 0, events: [{ attempt: 3 }] });
  });

  it("is forgotten once a turn has begun", async () => {
    const { send, finish, turn, id } = await deferred({ untilTime: at(100) });
    await send("e2", { now: at(20) });
    await finish({ kind: "continue" }, { now: at(100) });
    expect((await turn({ now: at(100) })).events).toMatchObject([{ id: id("e2") }]);
  });
}
