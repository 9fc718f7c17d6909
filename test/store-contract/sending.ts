import { expect, it } from "vitest";
import { EventState, TaskState } from "../../src/proto.ts";
import type { EventRecord } from "../../src/server/store/records.ts";
import { at, errorOf, newEvent, reasonOf, type Scene } from "./scene.ts";

export function describeSending(scene: () => Scene): void {
  it("queues an event at the sequence of its log entry", async () => {
    const { activate, send, events, log, task, id } = scene();
    await activate();
    const { sequence } = await task();
    const event = {
      ...newEvent(id("e")),
      taskId: id("task"),
      sequence: sequence + 1,
      state: EventState.QUEUED,
      attempt: 0,
      createTime: at(7),
      updateTime: at(7),
    };
    // The answer need not repeat the content.
    expect({ ...(await send("e", { now: at(7) })), content: event.content }).toEqual(event);
    expect((await log()).at(-1)).toEqual({ sequence: sequence + 1, time: at(7), kind: "event", event });
    expect(await events()).toEqual([event]);
    expect(await task()).toMatchObject({ pendingEvents: 1, sequence: sequence + 1, updateTime: at(7) });
  });

  it("gives later events later places", async () => {
    const { create, send, events, id } = scene();
    await create();
    const sequences: number[] = [];
    for (const name of ["z", "a", "m"]) sequences.push((await send(name)).sequence);
    expect(sequences).toEqual([2, 3, 4]);
    expect((await events()).map((event) => event.id)).toEqual([id("z"), id("a"), id("m")]);
  });

  it("gives hundreds that arrive at once consecutive places, each its own", async () => {
    const { create, send, events, task } = scene();
    await create();
    const sent = await Promise.all(Array.from({ length: 400 }, (_, n) => send(`e${n}`)));
    const sequences = sent.map(({ sequence }) => sequence).sort((a, b) => a - b);
    expect(sequences).toEqual(Array.from({ length: 400 }, (_, n) => n + 2));
    const places = (events: EventRecord[]) => events.map(({ id, sequence }) => `${sequence} ${id}`);
    expect(places(await events())).toEqual(places(sent.sort((a, b) => a.sequence - b.sequence)));
    expect(await task()).toMatchObject({ pendingEvents: 400, sequence: 401 });
  });

  it("makes an idle task due", async () => {
    const { activate, send, due, id } = scene();
    await activate();
    expect(await due(at(1000))).toEqual([]);
    await send("e", { now: at(5) });
    expect(await due(at(4))).toEqual([]);
    expect(await due(at(5))).toEqual([id("task")]);
  });

  it("does not shorten a backoff", async () => {
    const { activate, send, turn, fail, start, due } = scene();
    await activate();
    await send("e1");
    await fail((await turn()).turn, { retryTime: at(500) });
    await send("e2", { now: at(10) });
    expect(await due(at(499))).toEqual([]);
    expect(await start({ now: at(499) })).toEqual({ dueTime: at(500) });
    expect((await turn({ now: at(500) })).events[0]?.attempt).toBe(2);
  });

  it("does not disturb a running turn", async () => {
    const { activate, send, turn, start, commit, due, id } = scene();
    await activate();
    await send("e1");
    const running = await turn();
    await send("e2", { now: at(10) });
    expect(await due(at(10))).toEqual([]);
    expect(await start({ now: at(10) })).toEqual({});
    await commit(running.turn, { now: at(11) });
    expect((await turn({ now: at(11) })).events[0]?.id).toBe(id("e2"));
  });

  it("rejects with TASK_NOT_FOUND", async () => {
    const { send } = scene();
    expect(await reasonOf(send("e"))).toBe("TASK_NOT_FOUND");
  });

  it.each(["CANCELLING", "CANCELLED", "COMPLETED", "FAILED", "TIMED_OUT"] as const)(
    "rejects with TASK_FINISHED once the task is %s, and appends nothing",
    async (state) => {
      const { activate, create, cancel, finish, send, turn, fail, fire, task, log } = scene();
      if (state === "COMPLETED") {
        await create();
        await finish({ kind: "complete" });
      } else {
        await activate({ expireTime: at(50) });
        if (state === "TIMED_OUT") await fire(at(50));
        else if (state === "FAILED") {
          await send("poison");
          await fail((await turn()).turn, { exhausted: "fail" });
        } else await cancel();
        if (state === "CANCELLED" || state === "TIMED_OUT")
          await finish({ kind: "continue" }, { now: at(50) });
      }
      expect((await task()).state).toBe(TaskState[state]);
      const before = await log();
      const error = await errorOf(send("late"));
      expect(error.reason).toBe("TASK_FINISHED");
      expect(error.details.precondition?.description).toContain(state);
      expect(await log()).toEqual(before);
    },
  );

  it("rejects with MAILBOX_FULL and a time to wait, and does nothing", async () => {
    const { rules, create, send, task, log, events } = scene();
    await rules({ maxPending: 2 });
    await create();
    await send("e1");
    await send("e2");
    const before = { log: await log(), task: await task(), events: await events() };
    const error = await errorOf(send("e3"));
    expect(error.reason).toBe("MAILBOX_FULL");
    expect(error.details.retryAfter).toBeGreaterThan(0);
    expect({ log: await log(), task: await task(), events: await events() }).toEqual(before);
  });

  it("bounds what waits, not what is being processed", async () => {
    const { rules, activate, send, turn, fail } = scene();
    await rules({ maxPending: 1 });
    await activate();
    await send("e1");
    expect(await reasonOf(send("e2"))).toBe("MAILBOX_FULL");
    const running = await turn();
    await send("e2");
    expect(await reasonOf(send("e3"))).toBe("MAILBOX_FULL");
    // An event that goes back to its place needs no room.
    await fail(running.turn, { retryTime: at(1) });
    expect(await reasonOf(send("e3"))).toBe("MAILBOX_FULL");
  });

  it("lets no more than the bound in when many arrive at once", async () => {
    const { rules, create, send, task } = scene();
    await rules({ maxPending: 10 });
    await create();
    const sent = await Promise.allSettled(Array.from({ length: 50 }, (_, n) => send(`e${n}`)));
    expect(sent.filter(({ status }) => status === "fulfilled")).toHaveLength(10);
    expect(await task()).toMatchObject({ pendingEvents: 10, sequence: 11 });
  });

  it("goes by the bound that was put last, and keeps those of other agents", async () => {
    const { rules, create, send, id } = scene();
    await rules({ maxPending: 1 });
    await create({ event: newEvent(id("e1")) });
    await rules({ name: id("another"), maxPending: 9 });
    expect(await reasonOf(send("e2"))).toBe("MAILBOX_FULL");
    await rules({ maxPending: 2 });
    await send("e2");
    expect(await reasonOf(send("e3"))).toBe("MAILBOX_FULL");
  });

  it("accepts an event only at the expected sequence", async () => {
    const { create, send, log } = scene();
    await create();
    const before = await log();
    const error = await errorOf(send("e", { expectedSequence: 2 }));
    expect(error).toMatchObject({ reason: "SEQUENCE_MISMATCH", details: { metadata: { sequence: "1" } } });
    expect(await log()).toEqual(before);
    expect((await send("e", { expectedSequence: 1 })).sequence).toBe(2);
    expect(await reasonOf(send("e2", { expectedSequence: 1 }))).toBe("SEQUENCE_MISMATCH");
  });

  it("lets one of many through that expect the same sequence", async () => {
    const { create, send, events } = scene();
    await create();
    const rivals = Array.from({ length: 20 }, (_, n) => send(`e${n}`, { expectedSequence: 1 }));
    const outcomes = await Promise.allSettled(rivals);
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(await events()).toHaveLength(1);
  });

  it("answers a repeated request as it did, whatever has happened since", async () => {
    const { activate, store, finish, task, events, id } = scene();
    await activate();
    const { sequence } = await task();
    const request = { id: id("request"), fingerprint: "f" };
    const event = { ...newEvent(id("e")), onBusy: "queue" as const };
    const args = { taskId: id("task"), event, request, now: at(0) };
    const repeated = { ...args, event: { ...newEvent(id("e2")), onBusy: "reject" as const }, now: at(99) };
    const first = await store.sendEvent({ ...args, expectedSequence: sequence });
    expect(first.event.onBusy).toBe("queue");
    expect(await store.sendEvent({ ...repeated, expectedSequence: sequence })).toEqual({
      ...first,
      duplicate: true,
    });
    await finish({ kind: "complete" });
    expect(await store.sendEvent(repeated)).toEqual({ ...first, duplicate: true });
    expect(await events()).toHaveLength(1);
  });

  it("makes one event of a request that arrives many times at once", async () => {
    const { create, store, events, id } = scene();
    await create();
    const request = { id: id("request"), fingerprint: "f" };
    const args = { taskId: id("task"), request, now: at(0) };
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, n) => store.sendEvent({ ...args, event: newEvent(id(`e${n}`)) })),
    );
    expect(answers.filter(({ duplicate }) => !duplicate)).toHaveLength(1);
    expect(new Set(answers.map(({ event }) => event.id)).size).toBe(1);
    expect(await events()).toHaveLength(1);
  });

  it("rejects with REQUEST_ID_REUSED if a request's content is another, and accepts nothing", async () => {
    const { create, send, log, id } = scene();
    await create();
    await send("e1", { request: { id: id("request"), fingerprint: "f" } });
    const before = await log();
    const reused = send("e2", { request: { id: id("request"), fingerprint: "g" } });
    expect(await reasonOf(reused)).toBe("REQUEST_ID_REUSED");
    expect(await log()).toEqual(before);
  });

  it("knows requests by task", async () => {
    const { create, send, id } = scene();
    const request = (fingerprint: string) => ({ request: { id: id("request"), fingerprint } });
    await create(request("create"));
    await create({ taskId: id("other") });
    const here = await send("e1", request("here"));
    const there = await send("e2", { taskId: id("other"), ...request("there") });
    expect([here.id, there.id]).toEqual([id("e1"), id("e2")]);
  });

  it("leaves the id of a request that it rejects unused", async () => {
    const { rules, create, send, id } = scene();
    const request = { id: id("request"), fingerprint: "f" };
    await rules({ maxPending: 0 });
    await create();
    expect(await reasonOf(send("e", { request }))).toBe("MAILBOX_FULL");
    await rules({ maxPending: 1 });
    expect((await send("e", { request })).id).toBe(id("e"));
  });

  it("finds the reused request before the finished task before the other sequence before the full mailbox", async () => {
    const { rules, create, cancel, send, id } = scene();
    await rules({ maxPending: 1 });
    await create();
    const request = { id: id("request"), fingerprint: "f" };
    const first = await send("e1", { request });
    expect(await reasonOf(send("e2", { expectedSequence: 99 }))).toBe("SEQUENCE_MISMATCH");
    expect(await reasonOf(send("e2"))).toBe("MAILBOX_FULL");
    await cancel();
    expect(await reasonOf(send("e2", { expectedSequence: 99 }))).toBe("TASK_FINISHED");
    const reused = { ...request, fingerprint: "g" };
    expect(await reasonOf(send("e2", { request: reused, expectedSequence: 99 }))).toBe("REQUEST_ID_REUSED");
    expect(await send("e1", { request, expectedSequence: 99 })).toEqual(first);
  });
}
