import { expect, it } from "vitest";
import { EventState, Handler, TaskState } from "../../src/proto.ts";
import { at, newEvent, reasonOf, type Scene, show } from "./scene.ts";

export function describeParallel(scene: () => Scene): void {
  /** An ACTIVE task of an agent that has two works in hand, with events `e1` to `e4`. */
  async function pair(): Promise<Scene> {
    const one = scene();
    await one.rules({ parallel: 2 });
    await one.activate();
    for (const name of ["e1", "e2", "e3", "e4"]) await one.send(name);
    return one;
  }

  it("starts events in order, as many at once as the agent takes", async () => {
    const { turn, start, commit, due, task, states, id } = await pair();
    const first = await turn();
    expect(first.events).toMatchObject([{ id: id("e1") }]);
    expect(await due(at(0))).toEqual([id("task")]);
    const second = await turn();
    expect(second.events).toMatchObject([{ id: id("e2") }]);
    expect(second.turn).toBeGreaterThan(first.turn);
    expect(await start()).toEqual({});
    expect(await due(at(1e6))).toEqual([]);
    expect(await states()).toEqual({ e1: "PROCESSING", e2: "PROCESSING", e3: "QUEUED", e4: "QUEUED" });
    expect(await task()).toMatchObject({ pendingEvents: 2, processingEventId: id("e1") });
    await commit(second.turn);
    expect((await turn()).events).toMatchObject([{ id: id("e3") }]);
    expect(await start()).toEqual({});
    await commit(first.turn);
    expect((await task()).processingEventId).toBe(id("e3"));
  });

  it("starts as many for all who ask at once, each once", async () => {
    const { start, names } = await pair();
    const results = await Promise.all(Array.from({ length: 20 }, () => start()));
    expect(names(results.flatMap(({ turn }) => turn?.events ?? [])).sort()).toEqual(["e1", "e2"]);
  });

  it("starts nothing beside onTaskCreate", async () => {
    const { rules, create, turn, start, id } = scene();
    await rules({ parallel: 2 });
    await create({ event: newEvent(id("e")) });
    expect((await turn()).handler).toBe(Handler.TASK_CREATE);
    expect(await start()).toEqual({});
  });

  it("has work in hand while it waits for a retry, and runs that first when its time has come", async () => {
    const { turn, fail, commit, start, id } = await pair();
    const first = await turn();
    const second = await turn();
    await fail(first.turn, { retryTime: at(100) });
    expect(await start({ now: at(99) })).toEqual({ dueTime: at(100) });
    await commit(second.turn);
    const third = await turn({ now: at(50) });
    expect(third.events).toMatchObject([{ id: id("e3") }]);
    expect(await start({ now: at(99) })).toEqual({ dueTime: at(100) });
    await commit(third.turn, { now: at(100) });
    expect(await turn({ now: at(100) })).toMatchObject({
      attempt: 2,
      failures: 1,
      events: [{ id: id("e1") }],
    });
    expect((await turn({ now: at(100) })).events).toMatchObject([{ id: id("e4") }]);
  });

  it("tries again the oldest first", async () => {
    const { turn, fail, id } = await pair();
    const first = await turn();
    const second = await turn();
    await fail(second.turn, { retryTime: at(10) });
    await fail(first.turn, { retryTime: at(20) });
    expect((await turn({ now: at(30) })).events).toMatchObject([{ id: id("e1") }]);
    expect((await turn({ now: at(30) })).events).toMatchObject([{ id: id("e2") }]);
  });

  it("starts the next turn with a commit, and has each turn show and commit its own", async () => {
    const { turn, append, commit, fail, agent, messages, id } = await pair();
    const first = await turn();
    const second = await turn();
    await append(first.turn, [show.whole(id("m1"))]);
    await append(second.turn, [show.whole(id("m2"))]);
    const next = { owner: "a", agents: [agent] };
    const third = await commit(first.turn, { next });
    expect(third.turn?.events).toMatchObject([{ id: id("e3") }]);
    await fail(second.turn, { retryTime: at(50) });
    expect(await messages()).toMatchObject([{ id: id("m1"), eventId: id("e1") }]);
    expect(await reasonOf(append(second.turn, []))).toBe("TURN_OVER");
    await append(third.turn?.turn ?? 0, [show.whole(id("m3"))]);
  });

  it("starts no turn with a commit that stops those beside, whose handlers are to settle first", async () => {
    const { turn, start, commit, agent, due, id } = await pair();
    const [first, second] = [await turn(), await turn()];
    const event = { ...newEvent(id("now")), onBusy: "interrupt" as const };
    const followUps = [{ kind: "send" as const, taskId: id("task"), event }];
    expect(await commit(first.turn, { followUps, next: { owner: "a", agents: [agent] } })).toEqual({});
    expect(await reasonOf(commit(second.turn))).toBe("TURN_OVER");
    expect(await due(at(0))).toEqual([id("task")]);
    expect((await start()).turn?.events).toMatchObject([{ id: id("now") }]);
  });

  it("has all of it voided by an interruption, or by a cancellation", async () => {
    for (const how of ["interrupt", "cancel"] as const) {
      const one = await pair();
      const first = await one.turn();
      const second = await one.turn();
      await one.fail(first.turn, { retryTime: at(100) });
      if (how === "interrupt") expect(await one.interrupt()).toMatchObject({ interrupted: 2 });
      else expect((await one.cancel()).task.cancellation?.droppedEvents).toBe(4);
      const rest = how === "interrupt" ? "QUEUED" : "DROPPED";
      expect(await one.states()).toEqual({ e1: "DROPPED", e2: "DROPPED", e3: rest, e4: rest });
      expect(await reasonOf(one.commit(second.turn))).toBe("TURN_OVER");
      if (how === "interrupt") expect((await one.turn()).events).toMatchObject([{ id: one.id("e3") }]);
      else expect((await one.turn()).handler).toBe(Handler.TASK_CANCEL);
      if (how === "cancel") expect(await one.start()).toEqual({});
    }
  });

  it("ends the task with one turn: the others are over, superseded, and their events DROPPED", async () => {
    const { turn, append, commit, states, messages, task, log, id } = await pair();
    const first = await turn();
    const second = await turn();
    await append(first.turn, [show.begin(id("m1"))]);
    await commit(second.turn, { output: [show.whole(id("m2"))], outcome: { kind: "complete" }, now: at(3) });
    expect(await states()).toEqual({ e1: "DROPPED", e2: "PROCESSED", e3: "DROPPED", e4: "DROPPED" });
    expect(await messages()).toMatchObject([{ id: id("m2") }]);
    expect(await reasonOf(commit(first.turn))).toBe("TURN_OVER");
    expect((await log()).at(-1)).toMatchObject({ kind: "task", task: { state: TaskState.COMPLETED } });
    expect(await task()).not.toHaveProperty("processingEventId");
  });

  it("fails the task with one turn that is given up: the others are over, and their events DROPPED", async () => {
    const { turn, append, fail, commit, states, messages, id } = await pair();
    const [first, second] = [await turn(), await turn()];
    await append(second.turn, [show.whole(id("m"))]);
    await fail(first.turn, { exhausted: "fail" });
    expect(await states()).toEqual({ e1: "DEAD_LETTERED", e2: "DROPPED", e3: "DROPPED", e4: "DROPPED" });
    expect(await messages()).toEqual([]);
    expect(await reasonOf(commit(second.turn))).toBe("TURN_OVER");
  });

  it("gathers batches side by side, and defers one beside the other", async () => {
    const { rules, activate, send, turn, take, commit, start, names, waiting } = scene();
    await rules({ parallel: 2, batch: { max: 2, wait: 100 } });
    await activate();
    for (const name of ["e1", "e2", "e3", "e4", "e5"]) await send(name);
    const [first, second] = [await turn(), await turn()];
    expect([names(first.events), names(second.events)]).toEqual([
      ["e1", "e2"],
      ["e3", "e4"],
    ]);
    await take(second.turn);
    await commit(second.turn, { outcome: { kind: "defer", untilEvents: 4 } });
    expect(await waiting()).toEqual(["e3", "e4", "e5"]);
    expect(await start({ now: at(1e6) })).toEqual({});
    await send("e6", { now: at(1) });
    expect(names((await turn({ now: at(1) })).events)).toEqual(["e3", "e4"]);
  });

  it("does not lose, with a later event that is tried again, an earlier one that a turn has deferred", async () => {
    const { turn, fail, commit, waiting, names } = await pair();
    const [first, second] = [await turn(), await turn()];
    await fail(second.turn, { retryTime: at(10) });
    await commit(first.turn, { outcome: { kind: "defer", untilTime: at(20) } });
    const again = await turn({ now: at(10) });
    expect([names(again.events), await waiting()]).toEqual([["e2"], ["e1", "e3", "e4"]]);
    await commit(again.turn, { now: at(10) });
    expect(names((await turn({ now: at(20) })).events)).toEqual(["e1"]);
  });

  it("does not lose, with a later event that is tried again, an earlier one that a turn had taken", async () => {
    const { turn, take, recover, waiting, names } = await pair();
    const first = await turn();
    await take(first.turn, { limit: 1 });
    expect(names((await turn()).events)).toEqual(["e3"]);
    await recover();
    expect([names((await turn()).events), names((await turn()).events)]).toEqual([["e1"], ["e3"]]);
    expect(await waiting()).toEqual(["e2", "e4"]);
  });

  it("recovers all of it", async () => {
    const { turn, recover, events } = await pair();
    await turn();
    await turn();
    await recover();
    for (const event of (await events()).slice(0, 2))
      expect(event).toMatchObject({
        state: EventState.QUEUED,
        attempt: 1,
        lastError: { reason: "TURN_LOST" },
      });
  });

  it("finds what was deferred when what came after it has been tried again", async () => {
    const { turn, fail, commit, waiting, names } = await pair();
    const first = await turn();
    const second = await turn();
    await fail(second.turn, { retryTime: at(10) });
    await commit(first.turn, { outcome: { kind: "defer", untilTime: at(20) } });
    const again = await turn({ now: at(10) });
    expect(names(again.events)).toEqual(["e2"]);
    await commit(again.turn, { now: at(10) });
    expect(await waiting()).toEqual(["e1", "e3", "e4"]);
    expect(names((await turn({ now: at(20) })).events)).toEqual(["e1"]);
  });
}
