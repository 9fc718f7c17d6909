import { expect, it } from "vitest";
import { EventState } from "../../src/proto.ts";
import { at, bytes, newEvent, reasonOf, type Scene } from "./scene.ts";

export function describeTaking(scene: () => Scene): void {
  it("draws events into the turn in the order in which they would be started, on the record", async () => {
    const { activate, send, turn, take, names, states, log, task, waiting, id } = scene();
    await activate();
    for (const name of ["own", "q1", "q2"]) await send(name);
    const { turn: number } = await turn();
    await send("s", { onBusy: "steer" });
    expect(await waiting()).toEqual(["s", "q1", "q2"]);
    const { sequence } = await task();
    const taken = await take(number, { limit: 2, now: at(6) });
    expect(names(taken)).toEqual(["s", "q1"]);
    expect(taken).toMatchObject([
      { ...newEvent(id("s")), state: EventState.PROCESSING, attempt: 1, updateTime: at(6) },
      { ...newEvent(id("q1")), state: EventState.PROCESSING, attempt: 1, updateTime: at(6) },
    ]);
    expect((await log()).filter((entry) => entry.sequence > sequence)).toMatchObject([
      { time: at(6), kind: "event", event: { id: id("s"), state: EventState.PROCESSING } },
      { time: at(6), kind: "event", event: { id: id("q1"), state: EventState.PROCESSING } },
    ]);
    expect(await states()).toEqual({
      own: "PROCESSING",
      s: "PROCESSING",
      q1: "PROCESSING",
      q2: "QUEUED",
    });
    expect(await task()).toMatchObject({ pendingEvents: 1, processingEventId: id("own") });
    expect(await waiting()).toEqual(["q2"]);
  });

  it("has them PROCESSED by the turn's one commit", async () => {
    const { activate, send, turn, take, commit, states, start } = scene();
    await activate();
    for (const name of ["own", "q1", "q2"]) await send(name);
    const { turn: number } = await turn();
    await take(number, { limit: 1 });
    await take(number, { limit: 1 });
    await commit(number);
    expect(await states()).toEqual({ own: "PROCESSED", q1: "PROCESSED", q2: "PROCESSED" });
    expect(await start()).toEqual({});
  });

  it("has them wait again at their places when the turn fails", async () => {
    const { activate, send, turn, take, fail, states, waiting, log, task, id } = scene();
    await activate();
    for (const name of ["own", "q1", "q2"]) await send(name);
    await send("s", { onBusy: "steer" });
    const { turn: number } = await turn();
    expect(await states()).toMatchObject({ s: "PROCESSING" });
    await take(number, { limit: 2 });
    await send("s2", { onBusy: "steer" });
    await fail(number, { retryTime: at(9) });
    expect((await log()).findLast(({ kind }) => kind === "superseded")).toMatchObject({
      superseded: { eventId: id("s"), eventIds: [id("s"), id("own"), id("q1")] },
    });
    expect(await waiting()).toEqual(["s2", "own", "q1", "q2"]);
    expect(await task()).toMatchObject({ pendingEvents: 5 });
    // The work goes on with its own event alone.
    expect(await turn({ now: at(9) })).toMatchObject({ attempt: 2, events: [{ id: id("s"), attempt: 2 }] });
    expect(await waiting()).toEqual(["s2", "own", "q1", "q2"]);
  });

  it("leaves them QUEUED when the turn's own event is given up", async () => {
    const { activate, send, turn, take, fail, states, id } = scene();
    await activate();
    await send("own");
    await send("taken");
    const { turn: number } = await turn();
    await take(number);
    await fail(number);
    expect(await states()).toEqual({ own: "DEAD_LETTERED", taken: "QUEUED" });
    expect((await turn()).events).toMatchObject([{ id: id("taken") }]);
  });

  it("has them DROPPED when the task is cancelled", async () => {
    const { activate, send, turn, take, cancel, states, task } = scene();
    await activate();
    await send("own");
    await send("taken");
    await take((await turn()).turn);
    await cancel();
    expect(await states()).toEqual({ own: "DROPPED", taken: "DROPPED" });
    expect((await task()).cancellation?.droppedEvents).toBe(2);
  });

  it("counts the turn that takes as one attempt of theirs, whatever attempt it is of its own event", async () => {
    const { activate, send, turn, fail, take, commit } = scene();
    await activate();
    await send("own");
    await send("taken");
    await fail((await turn()).turn, { retryTime: at(0) });
    const { turn: number } = await turn();
    expect(await take(number)).toMatchObject([{ attempt: 1 }]);
    await commit(number, { outcome: { kind: "defer", untilTime: at(0) } });
    const again = await turn();
    expect(again).toMatchObject({ attempt: 3, events: [{ attempt: 3 }] });
    expect(await take(again.turn)).toMatchObject([{ attempt: 2 }]);
  });

  it("does not count it if it fails, or is lost", async () => {
    const { activate, send, turn, take, fail, recover, events, id } = scene();
    await activate();
    await send("own");
    await send("taken");
    for (const end of [(number: number) => fail(number, { retryTime: at(0) }), () => recover()]) {
      const { turn: number } = await turn();
      await take(number);
      await end(number);
      expect((await events()).at(-1)).toMatchObject({ state: EventState.QUEUED, attempt: 0 });
    }
    await fail((await turn()).turn);
    expect(await turn()).toMatchObject({
      attempt: 1,
      failures: 0,
      events: [{ id: id("taken"), attempt: 1 }],
    });
  });

  it("gives only what was sent with steer, if asked for that", async () => {
    const { activate, send, turn, take, names, waiting } = scene();
    await activate();
    await send("own");
    const { turn: number } = await turn();
    await send("q");
    for (const name of ["s1", "s2", "s3"]) await send(name, { onBusy: "steer" });
    expect(names(await take(number, { steering: true, limit: 2 }))).toEqual(["s1", "s2"]);
    expect(names(await take(number, { steering: true }))).toEqual(["s3"]);
    expect(await take(number, { steering: true })).toEqual([]);
    expect(await waiting()).toEqual(["q"]);
  });

  it("gives none that go ahead for another reason, if asked for what was sent with steer", async () => {
    const { activate, send, turn, take, names } = scene();
    await activate();
    for (const name of ["i1", "i2"]) await send(name, { onBusy: "interrupt" });
    const { turn: number } = await turn();
    expect(await take(number, { steering: true })).toEqual([]);
    await send("s", { onBusy: "steer" });
    expect(names(await take(number, { steering: true }))).toEqual(["s"]);
    expect(names(await take(number))).toEqual(["i2"]);
  });

  it("gives nothing to onTaskCreate, before whose end no event begins", async () => {
    const { create, turn, take, commit, states, id } = scene();
    await create({ event: newEvent(id("e")) });
    const { turn: number } = await turn();
    expect(await take(number)).toEqual([]);
    await commit(number);
    expect(await states()).toEqual({ e: "QUEUED" });
  });

  it("gives nothing when nothing waits, and none that are scheduled", async () => {
    const { activate, send, turn, take, log } = scene();
    await activate();
    await send("own");
    await send("later", { deliverTime: at(100) });
    const { turn: number } = await turn();
    const before = await log();
    expect(await take(number)).toEqual([]);
    expect(await log()).toEqual(before);
  });

  it("takes and peeks at about so many bytes, at least one event", async () => {
    const { activate, send, turn, take, waiting, id } = scene();
    await activate();
    for (let n = 0; n < 5; n++)
      await send(`e${n}`, { event: { id: id(`e${n}`), content: bytes("x".repeat(10_000)) } });
    const { turn: number } = await turn();
    expect(await waiting({ maxBytes: 1 })).toEqual(["e1"]);
    expect((await waiting({ maxBytes: 25_000 })).length).toBeLessThan(4);
    expect(await waiting({ limit: 3 })).toEqual(["e1", "e2", "e3"]);
    expect(await take(number, { maxBytes: 1 })).toMatchObject([{ id: id("e1") }]);
    expect((await take(number, { maxBytes: 15_000 })).length).toBeLessThan(3);
  });

  it("peeks at whole events and changes nothing", async () => {
    const { store, activate, send, events, log, id } = scene();
    await activate();
    await send("e1");
    await send("later", { deliverTime: at(100) });
    const before = await log();
    const peeked = await store.peekEvents({ taskId: id("task"), limit: 9, maxBytes: 1e6 });
    expect(peeked).toEqual((await events()).slice(0, 1));
    expect(peeked).toMatchObject([newEvent(id("e1"))]);
    expect(await log()).toEqual(before);
  });

  it("does not show work that is to be tried again among what waits", async () => {
    const { activate, send, turn, fail, waiting } = scene();
    await activate();
    await send("e1");
    await send("e2");
    await fail((await turn()).turn, { retryTime: at(100) });
    expect(await waiting()).toEqual(["e2"]);
  });

  it("gives each event to one of many that take at once", async () => {
    const { activate, send, turn, take, names } = scene();
    await activate();
    for (let n = 0; n < 21; n++) await send(`e${n}`);
    const { turn: number } = await turn();
    const taken = await Promise.all(Array.from({ length: 30 }, () => take(number, { limit: 1 })));
    expect(new Set(names(taken.flat())).size).toBe(20);
    expect(taken.flat()).toHaveLength(20);
  });

  it("rejects with TURN_OVER, and takes nothing", async () => {
    const { activate, send, turn, take, commit, states, id } = scene();
    expect(await reasonOf(take(1, { taskId: id("nobody") }))).toBe("TURN_OVER");
    await activate();
    await send("e1");
    const { turn: number } = await turn();
    await commit(number);
    await send("e2");
    expect(await reasonOf(take(number))).toBe("TURN_OVER");
    expect(await reasonOf(take(number + 1))).toBe("TURN_OVER");
    expect(await states()).toEqual({ e1: "PROCESSED", e2: "QUEUED" });
  });
}
