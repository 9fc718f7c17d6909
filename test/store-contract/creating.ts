import { expect, it } from "vitest";
import { EventState, TaskState } from "../../src/proto.ts";
import { at, bytes, newEvent, reasonOf, type Scene } from "./scene.ts";

export function describeCreating(scene: () => Scene): void {
  it("makes a task that is PENDING, with all it was given", async () => {
    const { create, store, agent, id, task } = scene();
    await create({ taskId: id("parent") });
    const given = { name: id("name"), labels: { a: "1", "b/c": "" }, params: bytes("params") };
    const created = await create({ ...given, parentTaskId: id("parent"), now: at(5) });
    expect(created).toEqual({
      task: {
        id: id("task"),
        agent,
        ...given,
        parentTaskId: id("parent"),
        state: TaskState.PENDING,
        pendingEvents: 0,
        scheduledEvents: 0,
        deadLetteredEvents: 0,
        sequence: 1,
        createTime: at(5),
        updateTime: at(5),
      },
      created: true,
      duplicate: false,
    });
    expect(await task()).toEqual(created.task);
    expect(await store.getState(id("task"))).toEqual({ values: {}, revision: 0, sequence: 1 });
  });

  it("leaves out what it was not given", async () => {
    const { create, agent, id } = scene();
    const { task } = await create();
    const counts = { pendingEvents: 0, scheduledEvents: 0, deadLetteredEvents: 0 };
    const always = { id: id("task"), agent, labels: {}, state: TaskState.PENDING, sequence: 1, ...counts };
    expect(task).toEqual({ ...always, createTime: at(0), updateTime: at(0) });
    expect(Object.values(task)).not.toContain(undefined);
  });

  it("keeps contents that are empty", async () => {
    const { create, events, task, id } = scene();
    const empty = new Uint8Array();
    await create({ params: empty, event: { id: id("e"), content: empty } });
    expect((await task()).params).toEqual(empty);
    expect((await events()).map(({ content }) => content)).toEqual([empty]);
  });

  it("accepts the first event together with the task", async () => {
    const { create, events, id } = scene();
    const { task, event } = await create({ event: newEvent(id("e")) });
    expect(task).toMatchObject({ state: TaskState.PENDING, pendingEvents: 1, sequence: 2 });
    const accepted = {
      ...newEvent(id("e")),
      taskId: id("task"),
      sequence: 2,
      state: EventState.QUEUED,
      attempt: 0,
      createTime: at(0),
      updateTime: at(0),
    };
    // The answer need not repeat the content.
    expect({ ...event, content: accepted.content }).toEqual(accepted);
    expect(await events()).toEqual([accepted]);
  });

  it("finds the unfinished task of a name and changes nothing", async () => {
    const { create, activate, store, task, id } = scene();
    await activate({ name: id("name"), labels: { a: "1" } });
    const before = await task();
    const found = await create({ taskId: id("other"), name: id("name"), labels: { a: "2" }, now: at(9) });
    expect(found).toEqual({ task: before, created: false, duplicate: false });
    expect(await task()).toEqual(before);
    expect(await store.getTask({ id: id("other") })).toBeUndefined();
  });

  it("accepts an event into a task that it found", async () => {
    const { create, events, id } = scene();
    await create({ name: id("name"), event: newEvent(id("e1")) });
    const again = await create({ taskId: id("other"), name: id("name"), event: newEvent(id("e2")) });
    expect(again).toMatchObject({ created: false, event: { id: id("e2"), taskId: id("task"), sequence: 3 } });
    expect(again.task).toMatchObject({ id: id("task"), pendingEvents: 2, sequence: 3 });
    expect((await events()).map((event) => event.id)).toEqual([id("e1"), id("e2")]);
  });

  it("rejects with MAILBOX_FULL if the task that it found has no room, and accepts nothing", async () => {
    const { create, rules, log, id } = scene();
    await rules({ maxPending: 1 });
    await create({ name: id("name"), event: newEvent(id("e1")) });
    const before = await log();
    const full = create({ taskId: id("other"), name: id("name"), event: newEvent(id("e2")) });
    expect(await reasonOf(full)).toBe("MAILBOX_FULL");
    expect(await log()).toEqual(before);
    await expect(create({ taskId: id("other"), name: id("name") })).resolves.toMatchObject({
      created: false,
    });
  });

  it("rejects with TASK_FINISHED if the task that it found takes no events any more", async () => {
    const { create, cancel, log, id } = scene();
    await create({ name: id("name") });
    await cancel();
    const before = await log();
    const late = create({ taskId: id("other"), name: id("name"), event: newEvent(id("e")) });
    expect(await reasonOf(late)).toBe("TASK_FINISHED");
    expect(await log()).toEqual(before);
  });

  it("rejects with TASK_NAME_TAKEN if the name is another agent's, and makes nothing", async () => {
    const { create, store, id } = scene();
    await create({ name: id("name") });
    const taken = create({ taskId: id("other"), name: id("name"), agent: id("another") });
    expect(await reasonOf(taken)).toBe("TASK_NAME_TAKEN");
    expect(await store.getTask({ id: id("other") })).toBeUndefined();
  });

  it("makes a new task of a name once its task has ended", async () => {
    const { create, finish, id } = scene();
    await create({ name: id("name") });
    await finish({ kind: "complete" });
    const again = await create({ taskId: id("other"), name: id("name"), agent: id("another") });
    expect(again).toMatchObject({ created: true, task: { id: id("other") } });
  });

  it("rejects with TASK_FINISHED if the parent was cancelled, whose children are cancelled with it", async () => {
    const { create, store, id } = scene();
    await create({ taskId: id("parent") });
    await store.cancelTask({ taskId: id("parent"), now: at(1) });
    expect(await reasonOf(create({ taskId: id("child"), parentTaskId: id("parent") }))).toBe("TASK_FINISHED");
    expect(await store.getTask({ id: id("child") })).toBeUndefined();
  });

  it("rejects with TASK_NOT_FOUND if the parent is missing, and makes nothing", async () => {
    const { create, store, id } = scene();
    const orphan = create({ name: id("name"), parentTaskId: id("nobody") });
    expect(await reasonOf(orphan)).toBe("TASK_NOT_FOUND");
    expect(await store.getTask({ id: id("task") })).toBeUndefined();
    await expect(create({ name: id("name") })).resolves.toMatchObject({ created: true });
  });

  it("answers a repeated request as it did, whatever has happened since", async () => {
    const { create, finish, store, events, log, id } = scene();
    const request = { id: id("request"), fingerprint: "f" };
    const args = {
      request,
      name: id("name"),
      labels: { a: "1" },
      params: bytes("p"),
      event: { ...newEvent(id("e")), onBusy: "queue" as const },
    };
    const first = await create(args);
    expect(first.event?.onBusy).toBe("queue");
    await finish({ kind: "complete", reason: "done" });
    const before = await log();
    const event = { ...newEvent(id("e2")), onBusy: "reject" as const };
    const repeated = { ...args, taskId: id("other"), event, now: at(99) };
    expect(await create(repeated)).toEqual({ ...first, duplicate: true });
    expect(await log()).toEqual(before);
    expect(await events()).toHaveLength(1);
    expect(await store.getTask({ id: id("other") })).toBeUndefined();
  });

  it("rejects with AGENT_NOT_FOUND without its agent, but for a request that was answered", async () => {
    const { create, store, id } = scene();
    const args = { request: { id: id("request"), fingerprint: "f" } };
    const first = await create(args);
    expect(await create({ ...args, served: false })).toEqual({ ...first, duplicate: true });
    const request = { id: id("another"), fingerprint: "f" };
    expect(await reasonOf(create({ taskId: id("other"), request, served: false }))).toBe("AGENT_NOT_FOUND");
    expect(await store.getTask({ id: id("other") })).toBeUndefined();
  });

  it("answers a repeated request that found a task as it did", async () => {
    const { create, send, id } = scene();
    await create({ name: id("name") });
    const args = { taskId: id("other"), name: id("name"), request: { id: id("request"), fingerprint: "f" } };
    const first = await create(args);
    expect(first.created).toBe(false);
    await send("e");
    expect(await create(args)).toEqual({ ...first, duplicate: true });
  });

  it("rejects with REQUEST_ID_REUSED if a request's content is another, and makes nothing", async () => {
    const { create, store, id } = scene();
    await create({ request: { id: id("request"), fingerprint: "f" } });
    const reused = create({ taskId: id("other"), request: { id: id("request"), fingerprint: "g" } });
    expect(await reasonOf(reused)).toBe("REQUEST_ID_REUSED");
    expect(await store.getTask({ id: id("other") })).toBeUndefined();
  });

  it("leaves the id of a request that it rejects unused", async () => {
    const { create, id } = scene();
    const request = { id: id("request"), fingerprint: "f" };
    expect(await reasonOf(create({ parentTaskId: id("nobody"), request }))).toBe("TASK_NOT_FOUND");
    await create({ taskId: id("nobody") });
    const again = await create({ parentTaskId: id("nobody"), request });
    expect(again).toMatchObject({ created: true, duplicate: false });
  });

  it("makes one task of a name for all who ask at once", async () => {
    const { create, list, id } = scene();
    const ids = Array.from({ length: 50 }, (_, n) => id(`task-${n}`));
    const answers = await Promise.all(ids.map((taskId) => create({ taskId, name: id("name") })));
    expect(answers.filter(({ created }) => created)).toHaveLength(1);
    expect(new Set(answers.map(({ task }) => task.id)).size).toBe(1);
    expect((await list()).items).toHaveLength(1);
  });

  it("makes one task of a request that arrives many times at once", async () => {
    const { create, list, id } = scene();
    const request = { id: id("request"), fingerprint: "f" };
    const ids = Array.from({ length: 50 }, (_, n) => id(`task-${n}`));
    const answers = await Promise.all(ids.map((taskId) => create({ taskId, request })));
    expect(answers.filter(({ duplicate }) => !duplicate)).toHaveLength(1);
    expect(new Set(answers.map(({ task }) => task.id)).size).toBe(1);
    expect((await list()).items).toHaveLength(1);
  });
}
