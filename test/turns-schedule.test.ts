import { timestampMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { EventState } from "../src/proto.ts";
import type { TurnContext } from "../src/server/index.ts";
import { collect, createGate, failuresIn, isEvent, startRig } from "./agents/rig.ts";
import { createManualClock } from "./manual-clock.ts";

const hour = 3_600_000;

describe("an event that a task schedules for itself", () => {
  it("comes at its time, from the agent", async () => {
    const handled: unknown[] = [];
    const clock = createManualClock();
    await using rig = await startRig(
      {
        onTaskEventSend(ctx, { id, text, type, sender, metadata }) {
          handled.push([text, type, sender, metadata]);
          if (type === "tick") return ctx.complete(id);
          const options = { type: "tick", metadata: { n: 1 } };
          ctx.state.set("id", ctx.schedule({ in: 30 }, "wake up", options));
        },
      },
      { clock },
    );
    const taskId = await rig.create("go");
    await rig.until(taskId, isEvent(EventState.SCHEDULED));
    clock.advance(30);
    const log = await rig.end(taskId);
    expect(handled).toEqual([
      ["go", "", "", {}],
      ["wake up", "tick", "agent:rig", { n: 1 }],
    ]);
    expect((await rig.tasks.state(taskId)).state).toEqual({ id: (await rig.tasks.get(taskId)).statusReason });
    const [scheduled] = log.filter(isEvent(EventState.SCHEDULED));
    const entry = scheduled?.entry.case === "event" ? scheduled.entry.value : undefined;
    const wait =
      entry?.deliverTime &&
      entry.createTime &&
      timestampMs(entry.deliverTime) - timestampMs(entry.createTime);
    expect(wait).toBe(30);
  });

  it("comes at once if its time has passed", async () => {
    await using rig = await startRig({
      onTaskEventSend(ctx, { text }) {
        if (text === "go") ctx.schedule({ at: new Date(0) }, "now");
        else ctx.complete();
      },
    });
    const log = await rig.end(await rig.create("go"));
    expect(log.filter(isEvent(EventState.SCHEDULED))).toEqual([]);
  });

  it("is not refused by an agent that refuses what comes while it is busy, whenever it is for", async () => {
    const handled: string[] = [];
    await using rig = await startRig({
      onBusy: "reject",
      onTaskEventSend(ctx, { text }) {
        handled.push(text);
        if (text === "last") return ctx.complete();
        if (text !== "go") return;
        ctx.schedule({ in: 0 }, "now");
        ctx.schedule({ at: new Date(0) }, "as well");
        ctx.schedule({ in: 1 }, "last");
      },
    });
    expect(failuresIn(await rig.end(await rig.create("go")))).toEqual([]);
    expect(handled).toEqual(["go", "now", "as well", "last"]);
  });

  it("can be taken back, in the same turn and in a later one", async () => {
    await using rig = await startRig({
      onTaskEventSend(ctx, { text }) {
        if (text === "back") {
          ctx.unschedule(ctx.state.get<string>("id") ?? "");
          ctx.unschedule("one that there never was");
          return;
        }
        ctx.state.set("id", ctx.schedule({ in: hour }, "first"));
        ctx.unschedule(ctx.schedule({ in: hour }, "second"));
      },
    });
    const taskId = await rig.create("go");
    await rig.until(taskId, isEvent(EventState.SCHEDULED));
    expect((await rig.tasks.get(taskId)).scheduledEvents).toBe(1);
    await rig.tasks.send(taskId, "back");
    await rig.until(taskId, isEvent(EventState.DROPPED));
    expect((await rig.tasks.get(taskId)).scheduledEvents).toBe(0);
  });

  it("is not there if the turn fails", async () => {
    await using rig = await startRig({
      retry: { initialBackoff: 1 },
      onTaskEventSend(ctx) {
        ctx.schedule({ in: hour }, `of attempt ${ctx.attempt}`);
        if (ctx.attempt === 1) throw new Error("no");
      },
    });
    const taskId = await rig.create("go");
    await rig.until(taskId, isEvent(EventState.PROCESSED));
    const events = await collect(rig.tasks.events(taskId));
    expect(events.map(({ state }) => EventState[state])).toEqual(["PROCESSED", "SCHEDULED"]);
  });

  const tooMany = (ctx: TurnContext) => {
    for (let n = 0; n <= 1000; n++) ctx.schedule({ in: hour }, "x");
  };
  it.each<[string, (ctx: TurnContext) => unknown]>([
    ["a century away", (ctx) => ctx.schedule({ in: 100 * 365 * 24 * hour }, "x")],
    [
      "at a time a century away",
      (ctx) => ctx.schedule({ at: new Date(Date.now() + 100 * 365 * 24 * hour) }, "x"),
    ],
    ["at no time", (ctx) => ctx.schedule({ at: new Date("never") }, "x")],
    ["in the past by ms", (ctx) => ctx.schedule({ in: -1 }, "x")],
    ["in half a ms", (ctx) => ctx.schedule({ in: 0.5 }, "x")],
    ["without content", (ctx) => ctx.schedule({ in: 1 }, [])],
    [
      "with too many parts",
      (ctx) =>
        ctx.schedule(
          { in: 1 },
          Array(65)
            .fill("x")
            .map((text) => ({ text })),
        ),
    ],
    ["with too much content", (ctx) => ctx.schedule({ in: 1 }, "x".repeat(1_048_577))],
    [
      "with a type of the server's own",
      (ctx) => ctx.schedule({ in: 1 }, "x", { type: "pigeonhole.task.ended" }),
    ],
    ["with a type that is too long", (ctx) => ctx.schedule({ in: 1 }, "x", { type: "x".repeat(129) })],
    [
      "with too much metadata",
      (ctx) => ctx.schedule({ in: 1 }, "x", { metadata: { a: "x".repeat(70_000) } }),
    ],
    ["too often", tooMany],
    ["and taken back by no id", (ctx) => ctx.unschedule("")],
  ])("cannot be sent %s", async (_, call) => {
    const running = createGate();
    running.open();
    await using rig = await startRig({
      async onTaskEventSend(ctx) {
        expect(() => call(ctx)).toThrow(expect.objectContaining({ reason: "VALUE_INVALID" }));
        await running.pass(ctx);
        ctx.complete();
      },
    });
    await rig.end(await rig.create("go"));
    expect(rig.logged).toEqual([]);
  });
});
