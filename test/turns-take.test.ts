import { describe, expect, it } from "vitest";
import { EventState, OnBusy, TaskState } from "../src/proto.ts";
import type { AgentEvent, TurnContext } from "../src/server/index.ts";
import { collect, createGate, failuresIn, isEvent, isTask, startRig } from "./agents/rig.ts";

const texts = (events: readonly AgentEvent[]) => events.map(({ text }) => text);

describe("a turn that takes events", () => {
  it("settles them by its one commit, in their order", async () => {
    const running = createGate();
    const turns: string[][] = [];
    await using rig = await startRig({
      async onTaskEventSend(ctx, event) {
        await running.pass(ctx);
        turns.push([event.text, ...texts(await ctx.mailbox.take({ max: 2 }))]);
      },
    });
    const taskId = await rig.create("1");
    await running.reached;
    for (const text of ["2", "3"]) await rig.tasks.send(taskId, text);
    const { event: last } = await rig.tasks.send(taskId, "4");
    running.open();
    const log = await rig.until(taskId, isEvent(EventState.PROCESSED, last.sequence));
    expect(turns).toEqual([["1", "2", "3"], ["4"]]);
    const events = await collect(rig.tasks.events(taskId));
    expect(events.map(({ state, attempt }) => [EventState[state], attempt])).toEqual(
      Array(4).fill(["PROCESSED", 1]),
    );
    const settled = log.filter(isEvent(EventState.PROCESSED)).map(({ sequence }) => sequence);
    expect((settled[2] ?? 0n) - (settled[0] ?? 0n)).toBe(2n);
  });

  it("looks at what waits without taking it", async () => {
    const running = createGate();
    const seen: unknown[] = [];
    await using rig = await startRig({
      async onTaskEventSend(ctx, event) {
        if (event.text !== "1") return;
        await running.pass(ctx);
        seen.push(texts(await ctx.mailbox.peek()), texts(await ctx.mailbox.peek({ max: 1 })));
        seen.push(texts(await ctx.mailbox.take()), texts(await ctx.mailbox.peek()));
      },
    });
    const taskId = await rig.create("1");
    await running.reached;
    await rig.tasks.send(taskId, "2");
    const { event: last } = await rig.tasks.send(taskId, "3");
    running.open();
    await rig.until(taskId, isEvent(EventState.PROCESSED, last.sequence));
    expect(seen).toEqual([["2", "3"], ["2"], ["2"], ["3"]]);
  });

  it("waits for one that comes", async () => {
    const running = createGate();
    const taken = Promise.withResolvers<string[]>();
    await using rig = await startRig({
      async onTaskEventSend(ctx) {
        expect(await ctx.mailbox.take()).toEqual([]);
        const waiting = ctx.mailbox.take({ max: 10, wait: 60_000 });
        void running.pass(ctx);
        taken.resolve(texts(await waiting));
      },
    });
    const taskId = await rig.create("1");
    await running.reached;
    const { event } = await rig.tasks.send(taskId, "2");
    expect(await taken.promise).toEqual(["2"]);
    await rig.until(taskId, isEvent(EventState.PROCESSED, event.sequence));
  });

  it("waits no longer than it says", async () => {
    await using rig = await startRig({
      async onTaskEventSend(ctx) {
        ctx.complete(String((await ctx.mailbox.take({ wait: 10 })).length));
      },
    });
    const taskId = await rig.create("1");
    await rig.end(taskId);
    expect((await rig.tasks.get(taskId)).statusReason).toBe("0");
  });

  it("takes by several calls at once what comes, each event once", async () => {
    const running = createGate();
    await using rig = await startRig({
      async onTaskEventSend(ctx) {
        await running.pass(ctx);
        const taken = await Promise.all([1, 2, 3].map(() => ctx.mailbox.take()));
        ctx.complete(taken.map(texts).join());
      },
    });
    const taskId = await rig.create("1");
    await running.reached;
    for (const text of ["2", "3", "4"]) await rig.tasks.send(taskId, text);
    running.open();
    await rig.end(taskId);
    expect((await rig.tasks.get(taskId)).statusReason).toBe("2,3,4");
  });

  it("takes only those to steer by, if it asks for these, and they go ahead of others", async () => {
    const running = createGate();
    const handled: unknown[] = [];
    await using rig = await startRig({
      async onTaskEventSend(ctx, event) {
        handled.push(event.text);
        await running.pass(ctx);
        if (event.text !== "1") return;
        handled.push(texts(await ctx.mailbox.take({ max: 10, steering: true })));
        handled.push(texts(await ctx.mailbox.take({ steering: true })));
      },
    });
    const taskId = await rig.create("1");
    await running.reached;
    const { event: last } = await rig.tasks.send(taskId, "2");
    for (const text of ["3", "4"]) await rig.tasks.send(taskId, text, { onBusy: OnBusy.STEER });
    running.open();
    await rig.until(taskId, isEvent(EventState.PROCESSED, last.sequence));
    expect(handled).toEqual(["1", ["3", "4"], [], "2"]);
  });

  it("that fails lets them wait again, at their places", async () => {
    const running = createGate();
    const turns: string[] = [];
    await using rig = await startRig({
      retry: { initialBackoff: 1 },
      async onTaskEventSend(ctx, event) {
        await running.pass(ctx);
        const taken = ctx.attempt === 1 && event.text === "1" ? await ctx.mailbox.take({ max: 2 }) : [];
        turns.push([event.text, ...texts(taken)].join());
        if (taken.length > 0) throw new Error("no");
      },
    });
    const taskId = await rig.create("1");
    await running.reached;
    await rig.tasks.send(taskId, "2");
    const { event: last } = await rig.tasks.send(taskId, "3");
    running.open();
    const log = await rig.until(taskId, isEvent(EventState.PROCESSED, last.sequence));
    expect(failuresIn(log)).toEqual(["1: HANDLER_FAILED, Error: no"]);
    expect(turns).toEqual(["1,2,3", "1", "2", "3"]);
  });

  it("loses none that comes as it returns", async () => {
    const running = createGate();
    const seen = new Set<string>();
    await using rig = await startRig({
      retry: { initialBackoff: 1 },
      async onTaskEventSend(ctx, event) {
        seen.add(event.text);
        await running.pass(ctx);
        // What comes of it after the return, nobody sees.
        if (ctx.attempt === 1) void ctx.mailbox.take({ max: 10, wait: 60_000 });
        if (event.text === "last") ctx.complete();
      },
    });
    const taskId = await rig.create("first");
    await running.reached;
    const sends = Array.from({ length: 20 }, (_, n) => rig.tasks.send(taskId, String(n)));
    running.open();
    await Promise.all(sends);
    await rig.tasks.send(taskId, "last");
    const log = await rig.end(taskId);
    expect(seen.size).toBe(22);
    for (const failure of failuresIn(log)) expect(failure).toMatch(/^1: HANDLER_FAILED.*returned while/);
  });

  it("is told when it is to stop, and what it waits for", async () => {
    const running = createGate();
    const thrown = Promise.withResolvers<unknown>();
    await using rig = await startRig({
      async onTaskEventSend(ctx) {
        const waiting = ctx.mailbox.take({ wait: 60_000 });
        void running.pass(ctx);
        await waiting.catch(thrown.resolve);
      },
    });
    const taskId = await rig.create("1");
    await running.reached;
    await rig.tasks.cancel(taskId);
    expect(await thrown.promise).toMatchObject({ reason: "TASK_CANCELLED" });
    await rig.end(taskId);
  });

  it.each<[string, (ctx: TurnContext) => Promise<unknown>]>([
    ["none", (ctx) => ctx.mailbox.take({ max: 0 })],
    ["too many", (ctx) => ctx.mailbox.take({ max: 1001 })],
    ["half an event", (ctx) => ctx.mailbox.take({ max: 1.5 })],
    ["for longer than a day", (ctx) => ctx.mailbox.take({ wait: 86_400_001 })],
    ["for less than no time", (ctx) => ctx.mailbox.take({ wait: -1 })],
    ["a look at none", (ctx) => ctx.mailbox.peek({ max: 0 })],
  ])("cannot ask for %s", async (_, call) => {
    await using rig = await startRig({
      async onTaskEventSend(ctx) {
        await call(ctx).catch((error) => ctx.fail(error.reason));
      },
    });
    const taskId = await rig.create("1");
    await rig.end(taskId);
    expect((await rig.tasks.get(taskId)).statusReason).toBe("VALUE_INVALID");
  });

  it("is one for events: onTaskCreate and onTaskCancel take none", async () => {
    const errors: unknown[] = [];
    const attempt = async (ctx: TurnContext) => {
      await ctx.mailbox.take().catch((error) => errors.push(error.reason));
      for (const call of [() => ctx.defer({ in: 1 }), () => ctx.requireInput({ prompt: "?" })]) {
        try {
          call();
        } catch (error) {
          errors.push(error instanceof Error && "reason" in error && error.reason);
        }
      }
    };
    await using rig = await startRig({ onTaskCreate: attempt, onTaskCancel: attempt });
    const taskId = await rig.create();
    await rig.until(taskId, isTask(TaskState.ACTIVE));
    await rig.tasks.cancel(taskId);
    await rig.end(taskId);
    expect(errors).toEqual(Array(6).fill("VALUE_INVALID"));
  });
});
