import { describe, expect, it } from "vitest";
import { EventState } from "../src/proto.ts";
import type { TurnContext } from "../src/server/index.ts";
import { collect, createGate, failuresIn, isEvent, startRig } from "./agents/rig.ts";

describe("an agent that handles events side by side", () => {
  it("starts as many as it may, in their order, and no more", async () => {
    const gates = Array.from({ length: 4 }, createGate);
    const started: string[] = [];
    await using rig = await startRig({
      mailbox: { parallel: 3 },
      async onTaskEventSend(ctx, event) {
        started.push(event.text);
        await gates[Number(event.text)]?.pass(ctx);
      },
    });
    const taskId = await rig.create("0");
    for (const text of ["1", "2"]) await rig.tasks.send(taskId, text);
    const { event: last } = await rig.tasks.send(taskId, "3");
    await Promise.all([gates[0]?.reached, gates[1]?.reached, gates[2]?.reached]);
    expect(started).toEqual(["0", "1", "2"]);
    gates[1]?.open();
    await gates[3]?.reached;
    for (const gate of gates) gate.open();
    await rig.until(taskId, isEvent(EventState.PROCESSED, last.sequence));
    expect(started).toEqual(["0", "1", "2", "3"]);
  });

  it("counts right: of two turns that change what they have read, one is run again", async () => {
    const both = [createGate(), createGate()];
    await using rig = await startRig({
      mailbox: { parallel: 2 },
      async onTaskEventSend(ctx, event) {
        const count = ctx.state.get("count") ?? 0;
        if (ctx.attempt === 1) await both[Number(event.text)]?.pass(ctx);
        ctx.state.set("count", count + 1);
      },
    });
    const taskId = await rig.create("0");
    await rig.tasks.send(taskId, "1");
    await Promise.all(both.map(({ reached }) => reached));
    for (const { open } of both) open();
    let settled = 0;
    const log = await rig.until(taskId, (update) => isEvent(EventState.PROCESSED)(update) && ++settled === 2);
    expect((await rig.tasks.state(taskId)).state).toEqual({ count: 2 });
    expect(failuresIn(log)).toEqual([expect.stringMatching(/^1: STATE_CONFLICT/)]);
    expect(rig.logged).toEqual([]);
  });

  it.each<[string, (ctx: TurnContext) => unknown]>([
    ["its value", (ctx) => ctx.state.get("x")],
    ["whether there is one", (ctx) => ctx.state.delete("x")],
    ["which keys there are", (ctx) => ctx.state.keys()],
  ])("runs a turn again that has read what another one changes: %s", async (_, read) => {
    const [reading, changing] = [createGate(), createGate()];
    await using rig = await startRig({
      mailbox: { parallel: 2 },
      async onTaskEventSend(ctx, event) {
        if (event.text === "change") {
          ctx.state.set("x", 1);
          return await changing.pass(ctx);
        }
        read(ctx);
        if (ctx.attempt === 1) await reading.pass(ctx);
        ctx.state.set("read at attempt", ctx.attempt);
      },
    });
    const taskId = await rig.create("read");
    const { event } = await rig.tasks.send(taskId, "change");
    await Promise.all([reading.reached, changing.reached]);
    changing.open();
    await rig.until(taskId, isEvent(EventState.PROCESSED, event.sequence));
    reading.open();
    let settled = 0;
    const log = await rig.until(taskId, (update) => isEvent(EventState.PROCESSED)(update) && ++settled === 2);
    expect(failuresIn(log)).toEqual([expect.stringMatching(/^1: STATE_CONFLICT/)]);
    expect((await rig.tasks.state(taskId)).state).toMatchObject({ "read at attempt": 2 });
  });

  it("leaves turns alone that have nothing to do with each other", async () => {
    const both = [createGate(), createGate()];
    await using rig = await startRig({
      mailbox: { parallel: 2 },
      async onTaskEventSend(ctx, event) {
        await both[Number(event.text)]?.pass(ctx);
        ctx.state.set(event.text, (ctx.state.get(event.text) ?? 0) + 1);
      },
    });
    const taskId = await rig.create("0");
    await rig.tasks.send(taskId, "1");
    await Promise.all(both.map(({ reached }) => reached));
    for (const { open } of both) open();
    let settled = 0;
    const log = await rig.until(taskId, (update) => isEvent(EventState.PROCESSED)(update) && ++settled === 2);
    expect((await rig.tasks.state(taskId)).state).toEqual({ 0: 1, 1: 1 });
    expect(failuresIn(log)).toEqual([]);
  });

  it("is cancelled by one of its turns only when the handlers beside have settled", async () => {
    const gate = createGate();
    const order: string[] = [];
    await using rig = await startRig({
      mailbox: { parallel: 2 },
      async onTaskEventSend(ctx, event) {
        if (event.text === "parent") await ctx.tasks.create({ agent: "rig", name: "child", event: "beside" });
        if (event.text === "cancel") await ctx.tasks.cancel(ctx.task.parentTaskId);
        if (event.text !== "beside") return;
        await gate.pass(ctx);
        order.push(ctx.signal.aborted ? "told" : "not told");
      },
      onTaskCancel: (ctx) => void (ctx.task.name === "child" && order.push("cancel")),
    });
    const parentId = await rig.create("parent");
    const { signal } = await gate.reached;
    const child = await rig.tasks.get({ name: "child" });
    await rig.tasks.send(child.id, "cancel");
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    // By then the parent's onTaskCancel has run, which nothing holds up.
    await rig.end(parentId);
    gate.open();
    await rig.end(child.id);
    expect(order).toEqual(["told", "cancel"]);
  });

  it("is cancelled when all of its handlers have settled", async () => {
    const gates = [createGate(), createGate()];
    const order: string[] = [];
    await using rig = await startRig({
      mailbox: { parallel: 2 },
      async onTaskEventSend(ctx, event) {
        await gates[Number(event.text)]?.pass(ctx);
        await new Promise((resolve) => ctx.signal.addEventListener("abort", resolve, { once: true }));
        order.push(event.text);
      },
      onTaskCancel: () => void order.push("cancel"),
    });
    const taskId = await rig.create("0");
    await rig.tasks.send(taskId, "1");
    await Promise.all(gates.map(({ reached }) => reached));
    for (const { open } of gates) open();
    await rig.tasks.cancel(taskId);
    await rig.end(taskId);
    expect(order.toSorted()).toEqual(["0", "1", "cancel"]);
    expect(order.at(-1)).toBe("cancel");
    const states = (await collect(rig.tasks.events(taskId))).map(({ state }) => state);
    expect(states).toEqual(Array(2).fill(EventState.DROPPED));
  });
});
