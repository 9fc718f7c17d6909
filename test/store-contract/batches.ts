import { expect, it } from "vitest";
import { EventState, Handler, TaskState } from "../../src/proto.ts";
import { at, bytes, type Scene, show } from "./scene.ts";

export function describeBatches(scene: () => Scene): void {
  /** An ACTIVE task of an agent that gathers three events, for at most 100 ms. */
  async function gathering(): Promise<Scene> {
    const one = scene();
    await one.rules({ batch: { max: 3, wait: 100 } });
    await one.activate();
    return one;
  }

  it("begins a turn once as many events wait as it takes, in their order", async () => {
    const { send, start, turn, due, names, states, task, id } = await gathering();
    await send("e1", { now: at(0) });
    await send("e2", { now: at(1) });
    expect(await start({ now: at(2) })).toEqual({ dueTime: at(100) });
    expect(await due(at(2))).toEqual([]);
    await send("e3", { now: at(3), hops: 2 });
    await send("e4", { now: at(3), hops: 9 });
    expect(await due(at(3))).toEqual([id("task")]);
    const batch = await turn({ now: at(3) });
    expect(names(batch.events)).toEqual(["e1", "e2", "e3"]);
    expect(batch).toMatchObject({ handler: Handler.TASK_EVENT_BATCH, attempt: 1, failures: 0, hops: 2 });
    for (const event of batch.events)
      expect(event).toMatchObject({ state: EventState.PROCESSING, attempt: 1 });
    expect(await states()).toMatchObject({ e3: "PROCESSING", e4: "QUEUED" });
    expect(await task()).toMatchObject({ pendingEvents: 1, processingEventId: id("e1") });
  });

  it("goes by the rules that the agent has now, also for what waits already", async () => {
    const { rules, send, start, turn, due, id } = await gathering();
    await send("e1", { now: at(0) });
    await rules({ batch: { max: 3, wait: 100 } });
    expect(await due(at(50))).toEqual([]);
    await rules({ batch: { max: 3, wait: 200 } });
    expect(await start({ now: at(150) })).toEqual({ dueTime: at(200) });
    expect(await due(at(150))).toEqual([]);
    await rules({ batch: { max: 3, wait: 20 } });
    expect(await due(at(30))).toEqual([id("task")]);
    expect((await turn({ now: at(30) })).events).toMatchObject([{ id: id("e1") }]);
  });

  it("begins a turn with fewer events if they are large, and leaves the rest for the next", async () => {
    const { store, send, turn, commit, id } = await gathering();
    const content = bytes("x".repeat(2_097_152));
    for (const name of ["e1", "e2", "e3"]) await send(name, { now: at(0), event: { id: id(name), content } });
    const first = await turn({ now: at(1) });
    expect(first.events.map((event) => event.id)).toEqual([id("e1"), id("e2")]);
    await commit(first.turn);
    const waiting = await store.peekEvents({ taskId: id("task"), limit: 9, maxBytes: 1 });
    expect(waiting.map((event) => event.id)).toEqual([id("e3")]);
  });

  it("begins a turn when the oldest has waited for so long, with what there is", async () => {
    const { store, agent, send, start, turn, due, names, id } = await gathering();
    await send("e1", { now: at(10) });
    await send("e2", { now: at(90) });
    expect(await start({ now: at(109) })).toEqual({ dueTime: at(110) });
    const args = { agents: [agent], now: at(109), limit: 10 };
    expect(await store.dueTasks(args)).toEqual({ taskIds: [], nextDueTime: at(110) });
    expect(await due(at(110))).toEqual([id("task")]);
    expect(names((await turn({ now: at(110) })).events)).toEqual(["e1", "e2"]);
  });

  it("begins a turn when an event goes ahead, which is its first", async () => {
    const { send, turn, due, names, id } = await gathering();
    await send("e1", { now: at(0) });
    await send("s", { now: at(1), onBusy: "steer" });
    expect(await due(at(1))).toEqual([id("task")]);
    expect(names((await turn({ now: at(1) })).events)).toEqual(["s", "e1"]);
  });

  it("counts the wait of a scheduled event from its delivery", async () => {
    const { send, fire, start, turn, names } = await gathering();
    await send("later", { deliverTime: at(50) });
    await fire(at(60));
    await send("e", { now: at(61) });
    expect(await start({ now: at(159) })).toEqual({ dueTime: at(160) });
    expect(names((await turn({ now: at(160) })).events)).toEqual(["later", "e"]);
  });

  it("commits all of them at once, and gathers again", async () => {
    const { send, turn, commit, agent, states } = await gathering();
    for (const name of ["e1", "e2", "e3"]) await send(name, { now: at(0) });
    const { turn: number } = await turn();
    await send("e4", { now: at(7) });
    const next = { owner: "a", agents: [agent] };
    expect(await commit(number, { next, now: at(8) })).toEqual({ dueTime: at(107) });
    expect(await states()).toEqual({ e1: "PROCESSED", e2: "PROCESSED", e3: "PROCESSED", e4: "QUEUED" });
  });

  it("tries the same events again, though others have come", async () => {
    const { send, turn, append, fail, start, names, states, log, id } = await gathering();
    await send("e1", { now: at(0) });
    await send("e2", { now: at(0) });
    const { turn: number } = await turn({ now: at(100) });
    await append(number, [show.whole(id("m"))]);
    await fail(number, { retryTime: at(200), now: at(101) });
    expect(await states()).toEqual({ e1: "QUEUED", e2: "QUEUED" });
    expect((await log()).findLast(({ kind }) => kind === "superseded")).toMatchObject({
      superseded: {
        handler: Handler.TASK_EVENT_BATCH,
        eventId: id("e1"),
        eventIds: [id("e1"), id("e2")],
        messageIds: [id("m")],
        retryTime: at(200),
      },
    });
    for (const name of ["e3", "e4", "e5"]) await send(name, { now: at(102) });
    expect(await start({ now: at(199) })).toEqual({ dueTime: at(200) });
    const again = await turn({ now: at(200) });
    expect(names(again.events)).toEqual(["e1", "e2"]);
    expect(again).toMatchObject({ handler: Handler.TASK_EVENT_BATCH, attempt: 2, failures: 1 });
  });

  it("gives all of them up together, and redrives them", async () => {
    const { send, turn, fail, redrive, states, task } = await gathering();
    for (const name of ["e1", "e2", "e3"]) await send(name);
    await fail((await turn()).turn);
    expect(await states()).toEqual({ e1: "DEAD_LETTERED", e2: "DEAD_LETTERED", e3: "DEAD_LETTERED" });
    expect(await task()).toMatchObject({ state: TaskState.ACTIVE, deadLetteredEvents: 3 });
    expect((await redrive()).redriven).toBe(3);
    expect(await task()).toMatchObject({ pendingEvents: 3, deadLetteredEvents: 0 });
  });

  it("drops all of them when it is interrupted", async () => {
    const { send, turn, interrupt, states } = await gathering();
    for (const name of ["e1", "e2", "e3"]) await send(name);
    await turn();
    await send("e4");
    expect((await interrupt()).interrupted).toBe(3);
    expect(await states()).toEqual({ e1: "DROPPED", e2: "DROPPED", e3: "DROPPED", e4: "QUEUED" });
  });

  it("waits again when an event is taken back and too few are left", async () => {
    const { send, takeBack, start, due } = await gathering();
    for (const [n, name] of ["e1", "e2", "e3"].entries()) await send(name, { now: at(n) });
    await takeBack("e1", { now: at(3) });
    expect(await due(at(3))).toEqual([]);
    expect(await start({ now: at(3) })).toEqual({ dueTime: at(101) });
  });

  it("begins at once when it need not wait", async () => {
    const { rules, activate, send, turn, names } = scene();
    await rules({ batch: { max: 10, wait: 0 } });
    await activate();
    await send("e1", { now: at(1) });
    await send("e2", { now: at(1) });
    expect(names((await turn({ now: at(1) })).events)).toEqual(["e1", "e2"]);
  });

  it("has about 4 MiB of events at most, and leaves the others for the next", async () => {
    const { rules, activate, send, turn, commit, names, id } = scene();
    await rules({ batch: { max: 10, wait: 100 } });
    await activate();
    const large = (name: string) => ({ event: { id: id(name), content: new Uint8Array(1_500_000) } });
    for (const name of ["e1", "e2", "e3", "e4"]) await send(name, large(name));
    const first = await turn({ now: at(100) });
    expect(names(first.events)).toEqual(["e1", "e2", "e3"]);
    await commit(first.turn, { now: at(100) });
    expect(names((await turn({ now: at(100) })).events)).toEqual(["e4"]);
  });
}
