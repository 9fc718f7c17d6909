import { describe, expect, it } from "vitest";
import { EventState, TaskState } from "../src/proto.ts";
import type { TurnContext } from "../src/server/index.ts";
import { collect, createGate, failureOf, isEvent, isTask, startRig } from "./agents/rig.ts";

describe("a mailbox", () => {
  it("holds events back until onTaskCreate has completed, and gives them out in their order", async () => {
    const created = createGate();
    const handled: string[] = [];
    await using rig = await startRig({
      async onTaskCreate(ctx) {
        await created.pass(ctx);
        handled.push("created");
      },
      async onTaskEventSend(ctx, event) {
        handled.push(`${event.text}, ${ctx.mailbox.pending} wait`);
      },
    });
    const taskId = await rig.create("0");
    await created.reached;
    for (const text of ["1", "2"]) await rig.tasks.send(taskId, text);
    const { event } = await rig.tasks.send(taskId, "3");
    const events = await collect(rig.tasks.events(taskId));
    expect(events.map(({ state }) => state)).toEqual(Array(4).fill(EventState.QUEUED));
    expect(await rig.tasks.get(taskId)).toMatchObject({ state: TaskState.PENDING, pendingEvents: 4 });
    created.open();
    const log = await rig.until(taskId, isEvent(EventState.PROCESSED, event.sequence));
    expect(log.findIndex(isTask(TaskState.ACTIVE))).toBeLessThan(
      log.findIndex(isEvent(EventState.PROCESSING)),
    );
    expect(handled).toEqual(["created", "0, 3 wait", "1, 2 wait", "2, 1 wait", "3, 0 wait"]);
  });

  it("that is full says so, and when to try again", async () => {
    const running = createGate();
    await using rig = await startRig({ mailbox: { maxPending: 2 }, onTaskEventSend: running.pass });
    const taskId = await rig.create("runs");
    await running.reached;
    for (const text of ["waits", "waits too"]) await rig.tasks.send(taskId, text);
    const send = rig.tasks.send(taskId, "one too many");
    await expect(send).rejects.toMatchObject({ reason: "MAILBOX_FULL", retryAfter: expect.any(Number) });
    running.open();
    await rig.until(
      taskId,
      isEvent(EventState.PROCESSED, (await collect(rig.tasks.events(taskId)))[2]?.sequence),
    );
    expect((await collect(rig.tasks.events(taskId))).length).toBe(3);
    await rig.tasks.send(taskId, "fits again");
  });

  it("shows a handler its task as it was created", async () => {
    const running = createGate();
    await using rig = await startRig({ onTaskEventSend: running.pass });
    running.open();
    const parent = await rig.create();
    const { task } = await rig.tasks.create({
      agent: "rig",
      name: "name",
      params: { deep: [{ a: null }] },
      labels: { b: "c" },
      parentTaskId: parent,
      event: "go",
    });
    const ctx = await running.reached;
    expect({ ...ctx.task }).toMatchObject({
      id: task.id,
      name: "name",
      agent: "rig",
      params: { deep: [{ a: null }] },
      labels: { b: "c" },
      parentTaskId: parent,
      createTime: expect.any(Date),
    });
  });
});

describe("a handler that ends its task", () => {
  it.each<[string, (ctx: TurnContext) => void, Record<string, unknown>, string | undefined]>([
    [
      "completes it",
      (ctx) => ctx.complete("done"),
      { state: TaskState.COMPLETED, statusReason: "done" },
      undefined,
    ],
    [
      "completes it without a word",
      (ctx) => ctx.complete(),
      { state: TaskState.COMPLETED, statusReason: "" },
      undefined,
    ],
    [
      "fails it",
      (ctx) => ctx.fail("no way"),
      { state: TaskState.FAILED, statusReason: "no way" },
      "HANDLER_FAILED: no way",
    ],
    [
      "says several things, of which the last counts",
      (ctx) => {
        ctx.fail("no way");
        ctx.complete("after all");
      },
      { state: TaskState.COMPLETED, statusReason: "after all" },
      undefined,
    ],
  ])(
    "%s: what it showed stays, what waits is dropped, and nothing follows",
    async (_, end, expected, error) => {
      const running = createGate();
      await using rig = await startRig({
        async onTaskEventSend(ctx) {
          end(ctx);
          await ctx.messages.send("My last words.");
          ctx.state.set("last", true);
          await running.pass(ctx);
        },
      });
      const taskId = await rig.create("first");
      await running.reached;
      await rig.tasks.send(taskId, "second");
      expect((await rig.tasks.get(taskId)).state).toBe(TaskState.ACTIVE);
      running.open();
      const log = await rig.end(taskId);
      const task = await rig.tasks.get(taskId);
      expect(task).toMatchObject({ ...expected, sequence: log.at(-1)?.sequence, pendingEvents: 0 });
      expect(task.error && failureOf(task.error)).toBe(error);
      const states = (await collect(rig.tasks.events(taskId))).map(({ state }) => EventState[state]);
      expect(states).toEqual(["PROCESSED", "DROPPED"]);
      expect(await rig.texts(taskId)).toEqual(["My last words."]);
      expect((await rig.tasks.state(taskId)).state).toEqual({ last: true });
      await expect(rig.tasks.send(taskId, "third")).rejects.toMatchObject({ reason: "TASK_FINISHED" });
      await expect(rig.tasks.cancel(taskId)).rejects.toMatchObject({ reason: "TASK_FINISHED" });
    },
  );

  it("may be onTaskCreate", async () => {
    await using rig = await startRig({ onTaskCreate: (ctx) => ctx.complete("nothing to do") });
    const taskId = await rig.create("in vain");
    await rig.end(taskId);
    expect((await rig.tasks.get(taskId)).state).toBe(TaskState.COMPLETED);
    expect((await collect(rig.tasks.events(taskId))).map(({ state }) => state)).toEqual([EventState.DROPPED]);
  });
});

describe("tasks", () => {
  it("do not wait for each other", async () => {
    const hanging = createGate();
    await using rig = await startRig({
      onTaskEventSend: (ctx, event) => (event.text === "hang" ? hanging.pass(ctx) : ctx.complete()),
    });
    await rig.create("hang");
    await hanging.reached;
    const others = await Promise.all(Array.from({ length: 50 }, () => rig.create("go")));
    await Promise.all(others.map((taskId) => rig.end(taskId)));
    hanging.open();
  });

  it("run at most as many at once as allowed, and all of them in the end", async () => {
    let running = 0;
    let most = 0;
    await using rig = await startRig(
      {
        async onTaskEventSend(ctx) {
          most = Math.max(most, ++running);
          await ctx.messages.stream().write("x");
          await new Promise(setImmediate);
          running -= 1;
          ctx.complete();
        },
      },
      { maxTurns: 3 },
    );
    const all = await Promise.all(Array.from({ length: 30 }, () => rig.create("go")));
    await Promise.all(all.map((taskId) => rig.end(taskId)));
    expect(most).toBeLessThanOrEqual(3);
  });

  it.each([2, 3, 4])("use the room that is left of %i when all others hang", async (maxTurns) => {
    const hanging = createGate();
    await using rig = await startRig(
      { onTaskEventSend: (ctx, event) => (event.text === "hang" ? hanging.pass(ctx) : ctx.complete()) },
      { maxTurns },
    );
    const stuck = await Promise.all(Array.from({ length: maxTurns - 1 }, () => rig.create("hang")));
    for (const taskId of stuck) await rig.until(taskId, isEvent(EventState.PROCESSING));
    const others = await Promise.all(Array.from({ length: 20 }, () => rig.create("go")));
    await Promise.all(others.map((taskId) => rig.end(taskId)));
    hanging.open();
  });

  it("get their turn beside one that has always more to do", async () => {
    const order: string[] = [];
    const begun = createGate();
    await using rig = await startRig(
      {
        async onTaskEventSend(ctx, event) {
          order.push(event.text);
          if (event.text === "busy 0") await begun.pass(ctx);
        },
      },
      { maxTurns: 1 },
    );
    const busy = await rig.create("busy 0");
    await begun.reached;
    let last = 0n;
    for (let count = 1; count < 20; count++)
      last = (await rig.tasks.send(busy, `busy ${count}`)).event.sequence;
    const modest = await rig.create("modest");
    begun.open();
    await rig.until(modest, isEvent(EventState.PROCESSED));
    await rig.until(busy, isEvent(EventState.PROCESSED, last));
    expect(order).toHaveLength(21);
    expect(order.indexOf("modest")).toBeLessThan(10);
    expect(order.filter((text) => text !== "modest")).toEqual(
      Array.from({ length: 20 }, (_, n) => `busy ${n}`),
    );
  });
});
