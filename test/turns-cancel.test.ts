import { describe, expect, it } from "vitest";
import { CancelOutcome, EventState, Handler, TaskState } from "../src/proto.ts";
import type { TurnContext } from "../src/server/index.ts";
import { collect, createGate, failureOf, failuresIn, isEvent, isTask, startRig } from "./agents/rig.ts";

/** Settles as soon as a turn is told to stop. */
function stopped({ signal }: TurnContext): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

describe("a task that is cancelled", () => {
  it("stops the handler that runs, drops what waits, and has onTaskCancel run once that has settled", async () => {
    const gate = createGate();
    const order: unknown[] = [];
    await using rig = await startRig({
      async onTaskEventSend(ctx) {
        await ctx.messages.stream().write("Half of ");
        await gate.pass(ctx);
        await stopped(ctx);
        order.push(["told", ctx.signal.reason]);
        throw ctx.signal.reason;
      },
      async onTaskCancel(ctx, reason) {
        order.push(["cancel", reason, ctx.attempt, ctx.signal.aborted]);
        ctx.state.set("cancelled", (ctx.state.get("cancelled") ?? 0) + 1);
        await ctx.messages.send("Stopped.");
      },
    });
    gate.open();
    const taskId = await rig.create("first");
    await rig.tasks.send(taskId, "second");
    await rig.until(taskId, ({ entry }) => entry.case === "delta");
    const { task } = await rig.tasks.cancel(taskId, { reason: "enough" });
    expect([task.state, task.statusReason]).toEqual([TaskState.CANCELLING, "enough"]);
    const log = await rig.end(taskId);
    expect(order).toEqual([
      ["told", expect.objectContaining({ reason: "TASK_CANCELLED" })],
      ["cancel", "enough", 1, false],
    ]);
    expect(failuresIn(log)).toEqual(["1: TASK_CANCELLED: enough"]);
    expect(await rig.tasks.get(taskId)).toMatchObject({
      state: TaskState.CANCELLED,
      cancellation: { outcome: CancelOutcome.STOPPED, droppedEvents: 2 },
    });
    const events = await collect(rig.tasks.events(taskId));
    expect(events.map(({ state }) => state)).toEqual([EventState.DROPPED, EventState.DROPPED]);
    expect(await rig.texts(taskId)).toEqual(["Stopped."]);
    expect((await rig.tasks.state(taskId)).state).toEqual({ cancelled: 1 });
    expect(rig.logged).toEqual([]);
  });

  it("leaves a handler behind that does not listen, and nothing that it does later has effect", async () => {
    const gate = createGate();
    const running = createGate();
    let cancels = 0;
    await using rig = await startRig({
      cancelGrace: 5,
      async onTaskEventSend(ctx) {
        const stream = ctx.messages.stream();
        await stream.write("Before.");
        await running.pass(ctx);
        const late = await Promise.allSettled([
          stream.write(" After."),
          ctx.messages.send("After."),
          stream.end(),
        ]);
        expect(late.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
        expect(() => ctx.state.set("late", true)).toThrow("is over");
        expect(() => ctx.complete()).toThrow("is over");
        gate.open();
      },
      async onTaskCancel(ctx) {
        cancels += 1;
        await ctx.messages.send("Stopped.");
      },
    });
    const taskId = await rig.create("go");
    const { signal } = await running.reached;
    await rig.tasks.cancel(taskId);
    const log = await rig.end(taskId);
    expect(signal.aborted).toBe(true);
    running.open();
    await gate.pass(await running.reached);
    expect(cancels).toBe(1);
    expect((await rig.tasks.get(taskId)).cancellation?.outcome).toBe(CancelOutcome.FORCED);
    expect(await rig.end(taskId)).toEqual(log);
    expect(await rig.texts(taskId)).toEqual(["Stopped."]);
    expect((await rig.tasks.state(taskId)).state).toEqual({});
    expect(rig.logged.map(({ level, message }) => [level, message])).toEqual([
      ["warn", expect.stringContaining("left behind")],
    ]);
  });

  it("tells of a handler that was left behind though there is no room for another turn at once", async () => {
    const running = createGate();
    await using rig = await startRig(
      { cancelGrace: 5, onTaskEventSend: (ctx) => running.pass(ctx) },
      { maxTurns: 1 },
    );
    const taskId = await rig.create("go");
    await running.reached;
    await rig.tasks.cancel(taskId);
    await rig.end(taskId);
    expect((await rig.tasks.get(taskId)).cancellation?.outcome).toBe(CancelOutcome.FORCED);
    running.open();
  });

  it("tells of a handler that was interrupted and left behind before its task was cancelled", async () => {
    const running = createGate();
    await using rig = await startRig({ cancelGrace: 50, onTaskEventSend: (ctx) => running.pass(ctx) });
    const taskId = await rig.create("go");
    await running.reached;
    await rig.tasks.interrupt(taskId);
    await rig.tasks.cancel(taskId);
    await rig.end(taskId);
    expect((await rig.tasks.get(taskId)).cancellation?.outcome).toBe(CancelOutcome.FORCED);
    running.open();
  });

  it("keeps nothing of a handler that returns as if it had not been told", async () => {
    const running = createGate();
    await using rig = await startRig({
      async onTaskEventSend(ctx) {
        await ctx.messages.send("All done.");
        ctx.state.set("done", true);
        ctx.complete("all done");
        await running.pass(ctx);
      },
    });
    const taskId = await rig.create("go");
    await running.reached;
    await rig.tasks.cancel(taskId);
    running.open();
    await rig.end(taskId);
    expect((await rig.tasks.get(taskId)).state).toBe(TaskState.CANCELLED);
    expect(await rig.texts(taskId)).toEqual([]);
    expect((await rig.tasks.state(taskId)).state).toEqual({});
  });

  it("answers the same however often it is asked for, and runs onTaskCancel once", async () => {
    let cancels = 0;
    await using rig = await startRig({
      onTaskCancel() {
        cancels += 1;
      },
    });
    const taskId = await rig.create("go");
    const answers = await Promise.all(
      ["a", "b", "c"].map((reason) => rig.tasks.cancel(taskId, { reason, requestId: reason })),
    );
    await rig.end(taskId);
    answers.push(await rig.tasks.cancel(taskId, { reason: "later" }));
    const again = await rig.tasks.cancel(taskId, { reason: "a", requestId: "a" });
    expect(again).toEqual({ ...answers[0], duplicate: true });
    const [first] = answers;
    expect(answers.map(({ task }) => task.statusReason)).toEqual(Array(4).fill(first?.task.statusReason));
    expect(cancels).toBe(1);
  });

  it("ends before onTaskCreate has, whose effects are void", async () => {
    const running = createGate();
    const handled: string[] = [];
    await using rig = await startRig({
      async onTaskCreate(ctx) {
        await ctx.messages.send("Welcome.");
        ctx.state.set("created", true);
        await running.pass(ctx);
        await stopped(ctx);
      },
      onTaskEventSend: () => void handled.push("event"),
      onTaskCancel: () => void handled.push("cancel"),
    });
    const taskId = await rig.create("go");
    await running.reached;
    running.open();
    await rig.tasks.cancel(taskId);
    const log = await rig.end(taskId);
    expect(log.some(isTask(TaskState.ACTIVE))).toBe(false);
    const superseded = log.flatMap(({ entry }) => (entry.case === "superseded" ? [entry.value.handler] : []));
    expect(superseded).toEqual([Handler.TASK_CREATE]);
    expect(handled).toEqual(["cancel"]);
    expect(await rig.texts(taskId)).toEqual([]);
    expect((await rig.tasks.state(taskId)).state).toEqual({});
  });

  it("does not wait for a retry", async () => {
    const hour = 3_600_000;
    await using rig = await startRig({
      retry: { initialBackoff: hour, maxBackoff: hour },
      onTaskEventSend() {
        throw new Error("later");
      },
    });
    const taskId = await rig.create("go");
    await rig.until(taskId, ({ entry }) => entry.case === "superseded");
    await rig.tasks.cancel(taskId);
    await rig.end(taskId);
    expect((await collect(rig.tasks.events(taskId))).map(({ state }) => state)).toEqual([EventState.DROPPED]);
    expect((await rig.tasks.get(taskId)).state).toBe(TaskState.CANCELLED);
  });

  it("is CANCELLED even if onTaskCancel keeps failing, with the error", async () => {
    await using rig = await startRig({
      retry: { maxAttempts: 2, initialBackoff: 1 },
      async onTaskCancel(ctx) {
        await ctx.messages.send(`attempt ${ctx.attempt}`);
        throw new Error("cannot stop");
      },
    });
    const taskId = await rig.create();
    await rig.until(taskId, isTask(TaskState.ACTIVE));
    await rig.tasks.cancel(taskId, { reason: "enough" });
    const log = await rig.end(taskId);
    expect(failuresIn(log)).toEqual(
      [1, 2].map((attempt) => `${attempt}: HANDLER_FAILED, Error: cannot stop`),
    );
    const { state, statusReason, error } = await rig.tasks.get(taskId);
    expect([state, statusReason]).toEqual([TaskState.CANCELLED, "enough"]);
    expect(failureOf(error)).toBe("HANDLER_FAILED, Error: cannot stop");
    expect(await rig.texts(taskId)).toEqual([]);
  });

  it("cannot be completed or failed by onTaskCancel", async () => {
    const errors: unknown[] = [];
    await using rig = await startRig({
      onTaskCancel(ctx) {
        for (const end of [() => ctx.complete(), () => ctx.fail("no")]) {
          try {
            end();
          } catch (error) {
            errors.push(error);
          }
        }
      },
    });
    const taskId = await rig.create();
    await rig.tasks.cancel(taskId);
    await rig.end(taskId);
    expect(errors).toEqual([1, 2].map(() => expect.objectContaining({ reason: "VALUE_INVALID" })));
    expect((await rig.tasks.get(taskId)).state).toBe(TaskState.CANCELLED);
  });

  it("makes no children and schedules nothing, and onTaskCancel is told so at once", async () => {
    const errors: unknown[] = [];
    await using rig = await startRig({
      async onTaskCancel(ctx) {
        const calls = [
          async () => ctx.schedule({ in: 1000 }, "later"),
          () => ctx.tasks.send(ctx.task.id, "now"),
          () => ctx.tasks.create({ agent: "rig" }),
        ];
        for (const call of calls) await call().catch((error) => errors.push(error.reason));
        await ctx.messages.send("Stopped.");
      },
    });
    const taskId = await rig.create();
    await rig.tasks.cancel(taskId);
    expect(failuresIn(await rig.end(taskId))).toEqual([]);
    expect(errors).toEqual(Array(3).fill("TASK_FINISHED"));
    expect(await rig.texts(taskId)).toEqual(["Stopped."]);
  });

  it("takes its children along, and theirs", async () => {
    const cancelled: string[] = [];
    await using rig = await startRig({
      onTaskEventSend: stopped,
      onTaskCancel: (ctx) => void cancelled.push(ctx.task.labels.name ?? ""),
    });
    const make = async (name: string, parentTaskId = "") =>
      (await rig.tasks.create({ agent: "rig", labels: { name }, parentTaskId, event: "wait" })).task.id;
    const parent = await make("parent");
    const child = await make("child", parent);
    const grandchild = await make("grandchild", child);
    const other = await make("other");
    for (const id of [parent, child, grandchild, other]) await rig.until(id, isEvent(EventState.PROCESSING));
    await rig.tasks.cancel(parent);
    for (const id of [parent, child, grandchild]) await rig.end(id);
    expect(cancelled.sort()).toEqual(["child", "grandchild", "parent"]);
    expect((await rig.tasks.get(other)).state).toBe(TaskState.ACTIVE);
  });
});
