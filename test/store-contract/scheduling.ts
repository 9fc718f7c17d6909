import { expect, it } from "vitest";
import { EventState, TaskState } from "../../src/proto.ts";
import { at, newEvent, reasonOf, type Scene, show } from "./scene.ts";

export function describeScheduling(scene: () => Scene): void {
  it("keeps an event SCHEDULED until its timer fires, on the record", async () => {
    const { activate, send, fire, task, events, log, due, start, waiting, id } = scene();
    await activate();
    const { sequence } = await task();
    const sent = await send("e", { deliverTime: at(100), now: at(1) });
    const scheduled = {
      ...newEvent(id("e")),
      taskId: id("task"),
      sequence: sequence + 1,
      state: EventState.SCHEDULED,
      attempt: 0,
      createTime: at(1),
      updateTime: at(1),
      deliverTime: at(100),
    };
    expect({ ...sent, content: scheduled.content }).toEqual(scheduled);
    expect(await events()).toEqual([scheduled]);
    expect((await log()).at(-1)).toMatchObject({ kind: "event", event: scheduled });
    expect(await task()).toMatchObject({ pendingEvents: 0, scheduledEvents: 1 });
    expect(await start({ now: at(1e6) })).toEqual({});
    await fire(at(99));
    expect(await events()).toEqual([scheduled]);

    await fire(at(100));
    const delivered = { ...scheduled, state: EventState.QUEUED, sequence: sequence + 2, updateTime: at(100) };
    expect(await events()).toEqual([delivered]);
    expect((await log()).at(-1)).toEqual({
      sequence: sequence + 2,
      time: at(100),
      kind: "event",
      event: delivered,
    });
    expect(await task()).toMatchObject({ pendingEvents: 1, scheduledEvents: 0 });
    expect(await waiting()).toEqual(["e"]);
    expect(await due(at(100))).toEqual([id("task")]);
  });

  it("delivers each once, whoever fires how often", async () => {
    const { store, activate, send, finish, states, log } = scene();
    await activate();
    await send("e", { deliverTime: at(100) });
    await Promise.all(Array.from({ length: 10 }, () => store.fireTimers({ now: at(100), limit: 100 })));
    await finish({ kind: "continue" }, { now: at(100) });
    const before = await log();
    await store.fireTimers({ now: at(200), limit: 100 });
    expect(await log()).toEqual(before);
    expect(await states()).toEqual({ e: "PROCESSED" });
  });

  it("takes a time that has passed, or is now, as at once", async () => {
    const { activate, send, states, task } = scene();
    await activate();
    await send("past", { deliverTime: at(4), now: at(5) });
    await send("now", { deliverTime: at(5), now: at(5) });
    expect(await states()).toEqual({ past: "QUEUED", now: "QUEUED" });
    expect((await task()).scheduledEvents).toBe(0);
  });

  it("orders events by their delivery, and those of one time by their acceptance", async () => {
    const { activate, send, fire, waiting, events, names } = scene();
    await activate();
    await send("third", { deliverTime: at(30) });
    await send("second-a", { deliverTime: at(20) });
    await send("second-b", { deliverTime: at(20) });
    await send("first", { deliverTime: at(10) });
    await send("now");
    await fire(at(1000));
    const order = ["now", "first", "second-a", "second-b", "third"];
    expect(await waiting()).toEqual(order);
    expect(names(await events())).toEqual(order);
  });

  it("has an event go ahead, or interrupt, when it is delivered and not before", async () => {
    const { activate, send, turn, commit, fire, waiting, states } = scene();
    await activate();
    await send("e1");
    await send("e2");
    const { turn: number } = await turn();
    await send("i", { deliverTime: at(100), onBusy: "interrupt" });
    await send("s", { deliverTime: at(90), onBusy: "steer" });
    expect(await waiting()).toEqual(["e2"]);
    await fire(at(90));
    expect(await waiting()).toEqual(["s", "e2"]);
    expect(await states()).toMatchObject({ e1: "PROCESSING" });
    await fire(at(100));
    expect(await states()).toEqual({ e1: "DROPPED", e2: "QUEUED", s: "QUEUED", i: "QUEUED" });
    expect(await waiting()).toEqual(["s", "i", "e2"]);
    expect(await reasonOf(commit(number))).toBe("TURN_OVER");
  });

  it("accepts a scheduled event together with a task, and never delivers it before onTaskCreate", async () => {
    const { create, fire, turn, commit, task, id } = scene();
    const { task: created, event } = await create({ event: { ...newEvent(id("e")), deliverTime: at(10) } });
    expect(event).toMatchObject({ state: EventState.SCHEDULED, deliverTime: at(10) });
    expect(created).toMatchObject({ pendingEvents: 0, scheduledEvents: 1 });
    await fire(at(10));
    expect(await task()).toMatchObject({ state: TaskState.PENDING, pendingEvents: 1 });
    const creating = await turn({ now: at(10) });
    expect(creating.events).toEqual([]);
    await commit(creating.turn, { now: at(11) });
    expect((await turn({ now: at(11) })).events).toMatchObject([{ id: id("e") }]);
  });

  it("counts what is scheduled towards the bound, and needs no room to deliver it", async () => {
    const { rules, activate, send, turn, fire, task } = scene();
    await rules({ maxPending: 2 });
    await activate();
    await send("s1", { deliverTime: at(10) });
    await send("e1");
    expect(await reasonOf(send("e2"))).toBe("MAILBOX_FULL");
    expect(await reasonOf(send("s2", { deliverTime: at(10) }))).toBe("MAILBOX_FULL");
    await turn();
    await send("e2");
    await rules({ maxPending: 1 });
    await fire(at(10));
    expect(await task()).toMatchObject({ pendingEvents: 2, scheduledEvents: 0 });
  });

  it("answers a repeated request as it did, though the event was delivered", async () => {
    const { activate, send, fire, events, id } = scene();
    await activate();
    const args = { deliverTime: at(10), request: { id: id("request"), fingerprint: "f" } };
    const first = await send("e", args);
    await fire(at(10));
    expect(await send("e", { ...args, now: at(20) })).toEqual(first);
    expect(await events()).toHaveLength(1);
  });

  it.each(["completes", "is cancelled"])("drops what is scheduled when the task %s", async (how) => {
    const { create, turn, commit, send, fire, cancel, states, events, log, task } = scene();
    await create();
    await send("later", { deliverTime: at(100) });
    if (how === "completes") await commit((await turn()).turn, { outcome: { kind: "complete" } });
    else await cancel();
    expect(await states()).toEqual({ later: "DROPPED" });
    expect((await events())[0]?.lastError).toBeDefined();
    expect((await task()).scheduledEvents).toBe(0);
    const before = await log();
    await fire(at(100));
    expect(await log()).toEqual(before);
  });

  it("keeps what is scheduled when a task is interrupted, paused or fails a turn", async () => {
    const { activate, send, turn, fail, interrupt, states } = scene();
    await activate();
    await send("later", { deliverTime: at(100) });
    await send("e1");
    await turn();
    await interrupt();
    await send("e2");
    await fail((await turn()).turn, { exhausted: "pause" });
    expect(await states()).toMatchObject({ later: "SCHEDULED" });
  });

  it("fires at most so many, the earliest first, and tells when the next is due", async () => {
    const { store, activate, send, fire, states, id } = scene();
    await fire(at(1e13));
    expect(await store.fireTimers({ now: at(0), limit: 10 })).toEqual({ fired: 0 });
    await activate();
    await activate({ taskId: id("z-other") });
    await send("e4", { deliverTime: at(40) });
    await send("e2", { deliverTime: at(20) });
    await send("e1", { taskId: id("z-other"), deliverTime: at(10) });
    await send("e3", { deliverTime: at(30) });
    expect(await store.fireTimers({ now: at(9), limit: 10 })).toEqual({ fired: 0, nextTime: at(10) });
    expect(await store.fireTimers({ now: at(35), limit: 2 })).toEqual({ fired: 2, nextTime: at(30) });
    expect([await states(id("z-other")), await states()]).toEqual([
      { e1: "QUEUED" },
      { e4: "SCHEDULED", e3: "SCHEDULED", e2: "QUEUED" },
    ]);
    expect(await store.fireTimers({ now: at(35), limit: 2 })).toEqual({ fired: 1, nextTime: at(40) });
    expect(await store.fireTimers({ now: at(40), limit: 2 })).toEqual({ fired: 1 });
  });

  it("clears the timers of a task with its end", async () => {
    const { store, activate, rules, send, finish, fire } = scene();
    await fire(at(1e13));
    await rules({});
    await activate({ expireTime: at(50) });
    await send("e");
    await send("later", { deliverTime: at(60) });
    expect(await store.fireTimers({ now: at(1), limit: 9 })).toEqual({ fired: 0, nextTime: at(50) });
    await finish({ kind: "complete" });
    expect(await store.fireTimers({ now: at(100), limit: 9 })).toEqual({ fired: 0 });
  });

  it("fires the timers of many tasks at once", async () => {
    const { create, store, agent, fire, counts, id } = scene();
    const names = Array.from({ length: 500 }, (_, n) => id(`t${n}`));
    await Promise.all(
      names.map((taskId) => create({ taskId, event: { ...newEvent(`${taskId}-e`), deliverTime: at(10) } })),
    );
    await fire(at(10));
    expect(await counts()).toEqual({ unfinishedTasks: 500, pendingEvents: 500 });
    const { taskIds } = await store.dueTasks({ agents: [agent], now: at(10), limit: 1000 });
    expect([...taskIds].sort()).toEqual([...names].sort());
  });

  it("keeps what a turn shows while its task's events are delivered", async () => {
    const { activate, send, turn, append, commit, fire, messages, id } = scene();
    await activate();
    await send("e");
    await send("later", { deliverTime: at(10) });
    const { turn: number } = await turn();
    await append(number, [show.whole(id("m"))]);
    await fire(at(10));
    await commit(number);
    expect(await messages()).toHaveLength(1);
  });
}
