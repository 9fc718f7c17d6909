import { expect, it } from "vitest";
import { EventState, Handler, TaskState } from "../../src/proto.ts";
import { at, newEvent, reasonOf, type Scene, show } from "./scene.ts";

export function describeBusy(scene: () => Scene): void {
  it("has events that steer or interrupt go ahead of what waits, in their order", async () => {
    const { activate, send, turn, commit, waiting, id } = scene();
    await activate();
    for (const name of ["q1", "q2"]) await send(name);
    await send("s1", { onBusy: "steer" });
    await send("i1", { onBusy: "interrupt" });
    await send("q3", { onBusy: "queue" });
    await send("s2", { onBusy: "steer" });
    const order = ["s1", "i1", "s2", "q1", "q2", "q3"];
    expect(await waiting()).toEqual(order);
    for (const name of order) {
      const { turn: number, events } = await turn();
      expect(events).toMatchObject([{ id: id(name) }]);
      await commit(number);
    }
  });

  it("lists events by when they were accepted, whatever goes ahead", async () => {
    const { activate, send, events, names } = scene();
    await activate();
    await send("q");
    await send("s", { onBusy: "steer" });
    expect(names(await events())).toEqual(["q", "s"]);
  });

  it("has nothing go ahead of onTaskCreate, nor interrupt it", async () => {
    const { create, send, turn, commit, states, id } = scene();
    await create({ event: newEvent(id("q")) });
    const creating = await turn();
    await send("i", { onBusy: "interrupt" });
    expect(await states()).toEqual({ q: "QUEUED", i: "QUEUED" });
    await commit(creating.turn);
    expect((await turn()).events).toMatchObject([{ id: id("i") }]);
  });

  it("has work that is to be tried again go on before what goes ahead", async () => {
    const { activate, send, turn, fail, start, id } = scene();
    await activate();
    await send("e");
    await fail((await turn()).turn, { retryTime: at(50) });
    await send("s", { onBusy: "steer", now: at(1) });
    expect(await start({ now: at(49) })).toEqual({ dueTime: at(50) });
    expect((await turn({ now: at(50) })).events).toMatchObject([{ id: id("e") }]);
  });

  it("interrupts with an event: the turn in hand is over, its event DROPPED, and what waits stays", async () => {
    const { activate, send, turn, append, commit, messages, states, log, task, due, id } = scene();
    await activate();
    await send("e1");
    await send("e2");
    const { turn: number } = await turn();
    await append(number, [show.whole(id("m"))]);
    const { sequence } = await task();
    const sent = await send("i", { onBusy: "interrupt", now: at(7) });
    expect(sent).toMatchObject({ state: EventState.QUEUED, attempt: 0, createTime: at(7) });
    expect(await states()).toEqual({ e1: "DROPPED", e2: "QUEUED", i: "QUEUED" });
    expect(await messages()).toEqual([]);
    expect(await task()).toMatchObject({ state: TaskState.ACTIVE, pendingEvents: 2 });
    expect(await task()).not.toHaveProperty("processingEventId");
    const error = { reason: "TASK_INTERRUPTED" };
    const entries = (await log()).filter((entry) => entry.sequence > sequence);
    expect(entries[0]).toMatchObject({
      time: at(7),
      kind: "superseded",
      superseded: { handler: Handler.TASK_EVENT_SEND, eventIds: [id("e1")], messageIds: [id("m")], error },
    });
    expect(entries[0]).not.toHaveProperty("superseded.retryTime");
    expect(entries).toContainEqual(
      expect.objectContaining({
        event: expect.objectContaining({
          id: id("e1"),
          state: EventState.DROPPED,
          lastError: expect.objectContaining(error),
        }),
      }),
    );
    expect(await reasonOf(commit(number))).toBe("TURN_OVER");
    expect(await due(at(7))).toEqual([id("task")]);
    expect((await turn({ now: at(7) })).events).toMatchObject([{ id: id("i"), attempt: 1 }]);
  });

  it("interrupts work that is to be tried again", async () => {
    const { activate, send, turn, fail, states, id } = scene();
    await activate();
    await send("e");
    await fail((await turn()).turn, { retryTime: at(1e6) });
    await send("i", { onBusy: "interrupt", now: at(1) });
    expect(await states()).toEqual({ e: "DROPPED", i: "QUEUED" });
    expect(await turn({ now: at(1) })).toMatchObject({ events: [{ id: id("i") }], attempt: 1, failures: 0 });
  });

  it("leaves the turn alone when the event that would interrupt it is refused", async () => {
    const { rules, activate, send, turn, commit, log } = scene();
    await rules({ maxPending: 1 });
    await activate();
    await send("e1");
    const { turn: number } = await turn();
    await send("e2");
    const before = await log();
    expect(await reasonOf(send("i", { onBusy: "interrupt" }))).toBe("MAILBOX_FULL");
    expect(await reasonOf(send("i", { onBusy: "interrupt", expectedSequence: 1 }))).toBe("SEQUENCE_MISMATCH");
    expect(await log()).toEqual(before);
    await commit(number);
  });

  it("rejects with TASK_BUSY while a turn runs, or is to be tried again, or events wait, and does nothing", async () => {
    const { activate, send, turn, fail, commit, log, states, id } = scene();
    const refused = async () => {
      const before = await log();
      expect(await reasonOf(send("r", { onBusy: "reject" }))).toBe("TASK_BUSY");
      expect(await log()).toEqual(before);
    };
    await activate();
    await send("e1");
    await refused();
    const first = await turn();
    await refused();
    await fail(first.turn, { retryTime: at(5) });
    await refused();
    await commit((await turn({ now: at(5) })).turn);
    await send("r", { onBusy: "reject", request: { id: id("request"), fingerprint: "f" } });
    expect(await states()).toEqual({ e1: "PROCESSED", r: "QUEUED" });
    // Now it is busy with that very event, and the request is answered all the same.
    await send("r", { onBusy: "reject", request: { id: id("request"), fingerprint: "f" } });
  });

  it("is busy with onTaskCreate, but takes the event that a task is created with", async () => {
    const { create, turn, send, commit, id } = scene();
    await create({ event: { ...newEvent(id("first")), onBusy: "reject" } });
    await create({ taskId: id("other"), name: id("name") });
    const { turn: number } = await turn({ taskId: id("other") });
    const args = { taskId: id("other"), onBusy: "reject" } as const;
    expect(await reasonOf(send("r", args))).toBe("TASK_BUSY");
    const found = { name: id("name"), event: { ...newEvent(id("r")), onBusy: "reject" } } as const;
    expect(await reasonOf(create({ taskId: id("third"), ...found }))).toBe("TASK_BUSY");
    await commit(number, { taskId: id("other") });
    await send("r", args);
  });

  it("is not busy with what is scheduled, dead-lettered or dropped", async () => {
    const { activate, send, turn, fail, takeBack } = scene();
    await activate();
    await send("poison");
    await fail((await turn()).turn);
    await send("gone");
    await takeBack("gone");
    await send("later", { deliverTime: at(100) });
    await send("r", { onBusy: "reject" });
  });

  it("finds the other sequence before the busy task before the full mailbox", async () => {
    const { rules, create, send } = scene();
    await rules({ maxPending: 1 });
    await create();
    await send("e");
    const reject = { onBusy: "reject" } as const;
    expect(await reasonOf(send("r", { ...reject, expectedSequence: 99 }))).toBe("SEQUENCE_MISMATCH");
    expect(await reasonOf(send("r", reject))).toBe("TASK_BUSY");
    expect(await reasonOf(send("q"))).toBe("MAILBOX_FULL");
  });
}
