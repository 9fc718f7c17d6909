import { fromBinary, toJson } from "@bufbuild/protobuf";
import { expect, it } from "vitest";
import { EventInputSchema, EventState, TaskState } from "../../src/proto.ts";
import type { FollowUp } from "../../src/server/store/calls.ts";
import type { EventRecord } from "../../src/server/store/records.ts";
import { at, newEvent, reasonOf, type Scene } from "./scene.ts";

export function describeChildren(scene: () => Scene): void {
  /** An ACTIVE task with an ACTIVE child, which has the event `e`. */
  async function family(): Promise<Scene & { child: { taskId: string } }> {
    const one = scene();
    const child = { taskId: one.id("child") };
    await one.activate();
    await one.activate({ ...child, parentTaskId: one.id("task") });
    await one.send("e", child);
    return { ...one, child };
  }

  function inputOf(event: EventRecord | undefined) {
    return toJson(EventInputSchema, fromBinary(EventInputSchema, event?.content ?? new Uint8Array()));
  }

  it("tells the parent of a child's end by an event in its mailbox", async () => {
    const { child, agent, finish, events, log, due, turn, task, id } = await family();
    await finish({ kind: "complete", reason: "all done" }, { ...child, now: at(7) });
    const [ended] = await events();
    expect(ended).toMatchObject({
      taskId: id("task"),
      state: EventState.QUEUED,
      attempt: 0,
      createTime: at(7),
    });
    expect(inputOf(ended)).toMatchObject({
      type: "pigeonhole.task.ended",
      sender: "pigeonhole",
      parts: [
        {
          data: {
            taskId: id("child"),
            agent,
            state: expect.stringContaining("COMPLETED"),
            statusReason: "all done",
          },
        },
      ],
    });
    expect((await log()).at(-1)).toMatchObject({ time: at(7), kind: "event", event: { id: ended?.id } });
    expect(await task()).toMatchObject({ pendingEvents: 1 });
    expect(await due(at(7))).toEqual([id("task")]);
    expect((await turn({ now: at(7) })).events).toMatchObject([{ id: ended?.id }]);
  });

  it.each(["FAILED", "CANCELLED", "TIMED_OUT"] as const)(
    "tells of a child that ended %s, once",
    async (state) => {
      const { activate, send, turn, fail, cancel, fire, finish, events, store, task, id } = scene();
      const child = { taskId: id("child") };
      await activate();
      await activate({ ...child, parentTaskId: id("task"), expireTime: at(50) });
      await send("e", child);
      if (state === "FAILED") await fail((await turn(child)).turn, { ...child, exhausted: "fail" });
      else {
        if (state === "CANCELLED") await cancel(child);
        else await fire(at(50));
        expect(await events()).toEqual([]);
        await finish({ kind: "continue" }, { ...child, now: at(50) });
      }
      expect((await task(child.taskId)).state).toBe(TaskState[state]);
      await store.deleteTask({ ...child, now: at(60) });
      expect((await events()).map(inputOf)).toMatchObject([
        {
          type: "pigeonhole.task.ended",
          parts: [{ data: { taskId: child.taskId, state: expect.stringContaining(state) } }],
        },
      ]);
    },
  );

  it("tells whatever room the parent's mailbox has", async () => {
    const { child, rules, send, finish, task } = await family();
    await rules({ maxPending: 1 });
    await send("waits");
    await finish({ kind: "complete" }, child);
    expect(await task()).toMatchObject({ pendingEvents: 2 });
  });

  it.each(["PENDING", "PAUSED", "INPUT_REQUIRED"] as const)("tells a parent that is %s", async (state) => {
    const { create, activate, send, turn, fail, finish, task, id } = scene();
    await create();
    const question = { id: id("q"), prompt: "?", createTime: at(0) };
    if (state === "INPUT_REQUIRED") await finish({ kind: "ask", question });
    if (state === "PAUSED") {
      await finish({ kind: "continue" });
      await send("poison");
      await fail((await turn()).turn, { exhausted: "pause" });
    }
    const child = { taskId: id("child") };
    await activate({ ...child, parentTaskId: id("task") });
    await send("e", child);
    await finish({ kind: "complete" }, child);
    expect(await task()).toMatchObject({ state: TaskState[state], pendingEvents: 1 });
  });

  it("does not tell a parent that is finished, or being cancelled", async () => {
    const { child, send, finish, log } = await family();
    await send("last");
    await finish({ kind: "complete" });
    const before = await log();
    await finish({ kind: "complete" }, child);
    expect(await log()).toEqual(before);

    const other = await family();
    await other.cancel();
    await other.finish({ kind: "continue" }, other.child);
    expect(await other.events()).toEqual([]);
    await other.finish({ kind: "continue" });
    expect((await other.task()).state).toBe(TaskState.CANCELLED);
  });

  it("tells the parent with the commit in which the child ends, after what that sent it", async () => {
    const { child, id, finish, events } = await family();
    const followUps: FollowUp[] = [{ kind: "send", taskId: id("task"), event: newEvent(id("result")) }];
    await finish({ kind: "complete" }, { ...child, followUps });
    const all = await events();
    expect(all[0]?.id).toBe(id("result"));
    expect(inputOf(all[1])).toMatchObject({ type: "pigeonhole.task.ended" });
  });

  it("lists children by their parent", async () => {
    const { list, id } = await family();
    const { items } = await list({ parentTaskId: id("task") });
    expect(items.map((task) => task.id)).toEqual([id("child")]);
  });

  it("rejects with FAN_OUT_EXCEEDED a task with 16 parents above it, and makes nothing", async () => {
    const { create, turn, commit, store, agent, id } = scene();
    await create({ taskId: id("t0") });
    for (let depth = 1; depth < 16; depth++)
      await create({ taskId: id(`t${depth}`), parentTaskId: id(`t${depth - 1}`) });
    const args = { taskId: id("t16"), parentTaskId: id("t15") };
    expect(await reasonOf(create(args))).toBe("FAN_OUT_EXCEEDED");
    const { turn: number } = await turn({ taskId: id("t15") });
    const followUps: FollowUp[] = [{ kind: "create", task: { agent, labels: {}, ...args } }];
    const refused = commit(number, { taskId: id("t15"), followUps });
    expect(await reasonOf(refused)).toBe("FAN_OUT_EXCEEDED");
    expect(await store.getTask({ id: id("t16") })).toBeUndefined();
    await commit(number, { taskId: id("t15") });
  });

  it("rejects with FAN_OUT_EXCEEDED a child of a parent with 10,000 unfinished ones, until one ends", async () => {
    const { create, finish, cancel, store, list, id } = scene();
    await create();
    const child = (n: number) => create({ taskId: id(`c${n}`), parentTaskId: id("task") });
    for (let n = 0; n < 10_000; n += 1000)
      await Promise.all(Array.from({ length: 1000 }, (_, k) => child(n + k)));
    expect(await reasonOf(child(10_000))).toBe("FAN_OUT_EXCEEDED");
    expect(await store.getTask({ id: id("c10000") })).toBeUndefined();
    await create({ taskId: id("stranger") });
    await finish({ kind: "complete" }, { taskId: id("c7") });
    await child(10_000);
    expect(await reasonOf(child(10_001))).toBe("FAN_OUT_EXCEEDED");
    await cancel();
    const children = { parentTaskId: id("task"), states: [TaskState.CANCELLING], limit: 1000 };
    expect((await list(children)).items).toHaveLength(1000);
  });
}
