import { expect, it } from "vitest";
import { EventState, TaskState } from "../../src/proto.ts";
import type { FollowUp } from "../../src/server/store/calls.ts";
import { at, newEvent, reasonOf, type Scene, show } from "./scene.ts";

export function describeFollowUps(scene: () => Scene): void {
  /** An ACTIVE task whose turn for its event `e` runs, and an ACTIVE task `other`. */
  async function running() {
    const one = scene();
    const { activate, send, turn, agent, id } = one;
    await activate({ taskId: id("other") });
    await activate();
    await send("e");
    const { turn: number } = await turn();
    const create = (
      name: string,
      more: Partial<Extract<FollowUp, { kind: "create" }>["task"]> = {},
    ): FollowUp => {
      const task = { taskId: id(name), agent, labels: {}, parentTaskId: id("task"), ...more };
      return { kind: "create", task };
    };
    const deliver = (name: string, to: string, more = {}): FollowUp => {
      return { kind: "send", taskId: id(to), event: { ...newEvent(id(name)), ...more } };
    };
    return { ...one, number, create, deliver };
  }

  it("creates, sends, cancels and takes back in the commit, in their order", async () => {
    const { number, create, deliver, send, commit, task, states, log, due, id } = await running();
    await send("later", { deliverTime: at(500) });
    const followUps: FollowUp[] = [
      create("child", { labels: { a: "1" }, event: newEvent(id("first")), expireTime: at(900) }),
      deliver("second", "child"),
      deliver("hello", "other"),
      deliver("reminder", "task", { deliverTime: at(300) }),
      { kind: "cancel", taskId: id("other"), reason: "enough" },
      { kind: "unschedule", eventId: id("later") },
    ];
    await commit(number, { followUps, now: at(9) });
    expect(await task(id("child"))).toMatchObject({
      state: TaskState.PENDING,
      parentTaskId: id("task"),
      labels: { a: "1" },
      createTime: at(9),
      expireTime: at(900),
      pendingEvents: 2,
    });
    expect(await states(id("child"))).toEqual({ first: "QUEUED", second: "QUEUED" });
    expect(await task(id("other"))).toMatchObject({ state: TaskState.CANCELLING, statusReason: "enough" });
    expect(await states(id("other"))).toEqual({ hello: "DROPPED" });
    expect((await log(id("other"))).at(-1)).toMatchObject({ time: at(9), kind: "task" });
    expect(await states()).toEqual({ e: "PROCESSED", later: "DROPPED", reminder: "SCHEDULED" });
    expect((await due(at(9))).sort()).toEqual([id("child"), id("other")]);
  });

  it("does none of it when the turn fails, or is interrupted", async () => {
    for (const how of ["fail", "interrupt"] as const) {
      const { number, create, fail, interrupt, commit, store, id } = await running();
      if (how === "fail") await fail(number);
      else await interrupt();
      expect(await reasonOf(commit(number, { followUps: [create("child")] }))).toBe("TURN_OVER");
      expect(await store.getTask({ id: id("child") })).toBeUndefined();
    }
  });

  it.each([
    { name: "a task that is not there", bad: "nobody", reason: "TASK_NOT_FOUND" },
    { name: "a finished task", bad: "finished", reason: "TASK_FINISHED" },
    { name: "a cancelled task", bad: "cancelled", reason: "TASK_FINISHED" },
    { name: "a busy task", bad: "busy", reason: "TASK_BUSY" },
    { name: "a full mailbox", bad: "full", reason: "MAILBOX_FULL" },
  ])("is refused by $name with $reason: nothing has happened, and the turn goes on", async (fact) => {
    const { number, create, deliver, rules, activate, send, cancel, finish, ...rest } = await running();
    const { commit, append, log, store, id } = rest;
    for (const taskId of [id("finished"), id("cancelled"), id("busy")]) await activate({ taskId });
    await send("last", { taskId: id("finished") });
    await finish({ kind: "complete" }, { taskId: id("finished") });
    await cancel({ taskId: id("cancelled") });
    await send("first", { taskId: id("busy") });
    await rules({ name: id("small"), maxPending: 1 });
    const small = { taskId: id("full"), agent: id("small"), labels: {}, now: at(0) };
    await store.createTask({ ...small, event: newEvent(id("full-e")) });
    const look = async () => [await log(), await log(id("other")), await store.getState(id("task"))];
    const before = await look();
    const bad = deliver("bad", fact.bad, { onBusy: fact.bad === "busy" ? "reject" : "queue" });
    const args = {
      followUps: [create("child"), deliver("hello", "other"), bad],
      output: [show.whole(id("m"))],
      changes: { a: "1" },
      outcome: { kind: "complete" },
    } as const;
    expect(await reasonOf(commit(number, { ...args, output: [...args.output] }))).toBe(fact.reason);
    expect(await look()).toEqual(before);
    expect(await store.getTask({ id: id("child") })).toBeUndefined();
    await append(number, [show.whole(id("m"))]);
    await commit(number, { followUps: [create("child")] });
    expect(await store.getTask({ id: id("child") })).toBeDefined();
  });

  it("is refused with TASK_NAME_TAKEN, or for a parent that is not there", async () => {
    const { number, create, commit, store, id } = await running();
    await store.createTask({
      taskId: id("named"),
      agent: id("another"),
      name: id("name"),
      labels: {},
      now: at(0),
    });
    const taken = commit(number, { followUps: [create("child", { name: id("name") })] });
    expect(await reasonOf(taken)).toBe("TASK_NAME_TAKEN");
    const orphan = commit(number, { followUps: [create("child", { parentTaskId: id("nobody") })] });
    expect(await reasonOf(orphan)).toBe("TASK_NOT_FOUND");
    await commit(number);
  });

  it("cancels a task that has ended, or is being cancelled, without effect; but not one that is not there", async () => {
    const { number, create, send, finish, cancel, commit, activate, log, id } = await running();
    const child = create("child", { parentTaskId: id("other") });
    await send("last", { taskId: id("other") });
    await finish({ kind: "complete" }, { taskId: id("other"), followUps: [child] });
    await activate({ taskId: id("third") });
    await cancel({ taskId: id("third") });
    const look = () => Promise.all(["other", "child", "third"].map((name) => log(id(name))));
    const before = await look();
    const nobody: FollowUp = { kind: "cancel", taskId: id("nobody") };
    expect(await reasonOf(commit(number, { followUps: [nobody] }))).toBe("TASK_NOT_FOUND");
    const followUps = ["other", "third"].map((name): FollowUp => ({ kind: "cancel", taskId: id(name) }));
    await commit(number, { followUps });
    expect(await look()).toEqual(before);
  });

  it("rejects with TASK_NAME_TAKEN a task whose name an unfinished one has, also one of the same commit", async () => {
    const { number, create, commit, store, states, agent, id } = await running();
    const name = id("name");
    const twice = [create("c1", { name, event: newEvent(id("e1")) }), create("c2", { name })];
    expect(await reasonOf(commit(number, { followUps: twice }))).toBe("TASK_NAME_TAKEN");
    expect(await store.getTask({ name })).toBeUndefined();
    await store.createTask({ taskId: id("named"), agent, name, labels: {}, now: at(0) });
    const followUps = [create("c3", { name, event: newEvent(id("e3")) })];
    expect(await reasonOf(commit(number, { followUps }))).toBe("TASK_NAME_TAKEN");
    expect(await states(id("named"))).toEqual({});
    await commit(number);
  });

  it("leaves an event alone that it would take back when that was delivered", async () => {
    const { number, send, fire, commit, states, id } = await running();
    await send("later", { deliverTime: at(10) });
    await fire(at(10));
    await commit(number, { followUps: [{ kind: "unschedule", eventId: id("later") }] });
    expect(await states()).toEqual({ e: "PROCESSED", later: "QUEUED" });
  });

  it("takes back in one commit what it has scheduled in it", async () => {
    const { number, deliver, commit, states, fire, id } = await running();
    const later = deliver("later", "task", { deliverTime: at(10) });
    await commit(number, { followUps: [later, { kind: "unschedule", eventId: id("later") }] });
    await fire(at(10));
    expect(await states()).toEqual({ e: "PROCESSED", later: "DROPPED" });
  });

  it("drops what it has sent to its own task when that ends with the commit", async () => {
    const { number, deliver, commit, states } = await running();
    const followUps = [deliver("self", "task"), deliver("later", "task", { deliverTime: at(10) })];
    await commit(number, { followUps, outcome: { kind: "complete" } });
    expect(await states()).toEqual({ e: "PROCESSED", self: "DROPPED", later: "DROPPED" });
  });

  it("starts what it has sent to its own task with the same commit", async () => {
    const { number, deliver, commit, agent, id } = await running();
    const { turn } = await commit(number, {
      followUps: [deliver("self", "task")],
      next: { owner: "a", agents: [agent] },
    });
    expect(turn?.events).toMatchObject([{ id: id("self"), state: EventState.PROCESSING }]);
  });

  it("commits first, and then cancels or interrupts itself", async () => {
    for (const how of ["cancel", "interrupt"] as const) {
      const { number, deliver, send, commit, task, states, store, messages, id } = await running();
      await send("waits");
      const interrupting = deliver("i", "task", { onBusy: "interrupt" });
      const cancelling: FollowUp = { kind: "cancel", taskId: id("task"), reason: "enough" };
      const followUps = [how === "cancel" ? cancelling : interrupting];
      await commit(number, { followUps, output: [show.whole(id("m"))], changes: { a: "1" } });
      expect(await messages()).toHaveLength(1);
      expect((await store.getState(id("task"))).values).toEqual({ a: "1" });
      const after = how === "cancel" ? { waits: "DROPPED" } : { waits: "QUEUED", i: "QUEUED" };
      expect(await states()).toEqual({ e: "PROCESSED", ...after });
      expect((await task()).state).toBe(how === "cancel" ? TaskState.CANCELLING : TaskState.ACTIVE);
    }
  });

  it("tells the turn from how many tasks its event was passed on", async () => {
    const { number, deliver, commit, turn, id } = await running();
    await commit(number, { followUps: [deliver("hop", "other", { hops: 7 })] });
    expect(await turn({ taskId: id("other") })).toMatchObject({ events: [{ id: id("hop") }], hops: 7 });
  });

  it("keeps the hops of an event through a retry, a delivery and a redrive", async () => {
    const { number, activate, send, turn, fail, redrive, fire, commit, id } = await running();
    await commit(number);
    const taskId = id("third");
    await activate({ taskId });
    await send("hop", { taskId, hops: 3, deliverTime: at(10) });
    await fire(at(10));
    const first = await turn({ taskId, now: at(10) });
    await fail(first.turn, { taskId, retryTime: at(10) });
    const second = await turn({ taskId, now: at(10) });
    await fail(second.turn, { taskId });
    await redrive({ taskId });
    const third = await turn({ taskId, now: at(10) });
    expect([first.hops, second.hops, third.hops]).toEqual([3, 3, 3]);
  });
}
