import { describe, expect, it } from "vitest";
import { EventState } from "../src/proto.ts";
import type { TurnContext } from "../src/server/index.ts";
import { collect, createGate, failuresIn, isEvent, startRig } from "./agents/rig.ts";

const hour = 3_600_000;

describe("a turn that defers", () => {
  it("leaves its event and is called again, with what it stored", async () => {
    const turns: unknown[] = [];
    await using rig = await startRig({
      async onTaskEventSend(ctx, event) {
        const count = (ctx.state.get("count") ?? 0) + 1;
        ctx.state.set("count", count);
        turns.push([event.text, count]);
        if (count === 1) ctx.defer({ in: 5 });
        if (count === 2) ctx.defer({ at: new Date(Date.now() - 1000) });
      },
    });
    const taskId = await rig.create("1");
    const { event } = await rig.tasks.send(taskId, "2");
    const log = await rig.until(taskId, isEvent(EventState.PROCESSED, event.sequence));
    expect(turns.slice(0, 3)).toEqual([
      ["1", 1],
      ["1", 2],
      ["1", 3],
    ]);
    expect(failuresIn(log)).toEqual([]);
  });

  it("is called again when as many events wait as it asked for", async () => {
    const deferred = createGate();
    const turns: string[] = [];
    await using rig = await startRig({
      async onTaskEventSend(ctx, event) {
        const more = await ctx.mailbox.take({ max: 10 });
        turns.push([event, ...more].map(({ text }) => text).join());
        if (more.length >= 2) return ctx.complete();
        ctx.defer({ in: hour, events: 3 });
        void deferred.pass(ctx);
      },
    });
    const taskId = await rig.create("1");
    await deferred.reached;
    await rig.until(taskId, isEvent(EventState.QUEUED));
    for (const text of ["2", "3"]) await rig.tasks.send(taskId, text);
    await rig.end(taskId);
    expect(turns[0]).toBe("1");
    expect(turns.at(-1)).toBe("1,2,3");
    const states = (await collect(rig.tasks.events(taskId))).map(({ state }) => state);
    expect(states).toEqual(Array(3).fill(EventState.PROCESSED));
  });

  it("is called again when the mailbox is full, and at a time though more never come", async () => {
    const again = createGate();
    const turns: string[] = [];
    await using rig = await startRig({
      mailbox: { maxPending: 2 },
      onTaskEventSend(ctx, { text }) {
        turns.push(text);
        if (turns.length === 1) return ctx.defer({ in: 5, events: 3 });
        if (turns.length === 3) return ctx.complete();
        ctx.defer({ events: 2 });
        void again.pass(ctx);
      },
    });
    const taskId = await rig.create("1");
    await again.reached;
    await rig.tasks.send(taskId, "2");
    expect(failuresIn(await rig.end(taskId))).toEqual([]);
    expect(turns).toEqual(["1", "1", "1"]);
  });

  it("does not, if it says something else afterwards", async () => {
    await using rig = await startRig({
      onTaskEventSend(ctx) {
        ctx.defer({ in: hour });
        ctx.complete("after all");
      },
    });
    const taskId = await rig.create("1");
    await rig.end(taskId);
    expect((await rig.tasks.get(taskId)).statusReason).toBe("after all");
  });

  it.each<[string, (ctx: TurnContext) => void]>([
    ["no time", (ctx) => ctx.defer({})],
    ["a time that is none", (ctx) => ctx.defer({ at: new Date(Number.NaN) })],
    ["a time a century away", (ctx) => ctx.defer({ in: 100 * 365 * 24 * hour })],
    ["a time that has passed by ms", (ctx) => ctx.defer({ in: -1 })],
    ["no events", (ctx) => ctx.defer({ events: 0 })],
    ["more events than any mailbox holds", (ctx) => ctx.defer({ in: 1, events: 1_000_001 })],
    ["more events than its mailbox takes, and no time", (ctx) => ctx.defer({ events: 6 })],
  ])("cannot ask for %s", async (_, call) => {
    await using rig = await startRig({
      mailbox: { maxPending: 5 },
      onTaskEventSend(ctx) {
        expect(() => call(ctx)).toThrow(expect.objectContaining({ reason: "VALUE_INVALID" }));
        ctx.complete();
      },
    });
    await rig.end(await rig.create("1"));
    expect(rig.logged).toEqual([]);
  });
});
