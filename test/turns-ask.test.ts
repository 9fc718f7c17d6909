import { describe, expect, it } from "vitest";
import { EventState, OnBusy, TaskState } from "../src/proto.ts";
import type { TurnContext } from "../src/server/index.ts";
import { createGate, isEvent, isTask, startRig } from "./agents/rig.ts";

describe("a turn that asks", () => {
  const schema = { type: "object", properties: { amount: { type: "number" } }, required: ["amount"] };

  it("leaves its question open, and the next turn is for the answer, ahead of what waits", async () => {
    const handled: unknown[] = [];
    await using rig = await startRig({
      onTaskEventSend(ctx, { text, parts, answers }) {
        handled.push([text, answers]);
        if (text === "go") ctx.state.set("asked", ctx.requireInput({ prompt: "How much?", schema }));
        if (answers !== "") ctx.state.set("answer", parts[0]?.data ?? null);
        if (text === "waits") ctx.complete();
      },
    });
    const taskId = await rig.create("go");
    await rig.until(taskId, isTask(TaskState.INPUT_REQUIRED));
    await rig.tasks.send(taskId, "waits");
    await rig.tasks.send(taskId, "remark", { onBusy: OnBusy.STEER });
    const { question } = await rig.tasks.get(taskId);
    expect(question).toMatchObject({ prompt: "How much?", schema });
    const id = question?.id ?? "";
    expect((await rig.tasks.state(taskId)).state).toEqual({ asked: id });
    const wrong = rig.tasks.send(taskId, { data: { amount: "5" } }, { answers: id });
    await expect(wrong).rejects.toMatchObject({
      reason: "ANSWER_INVALID",
      fields: [{ field: "parts[0].data.amount", description: "must be number" }],
    });
    await rig.tasks.send(taskId, { data: { amount: 5 } }, { answers: id });
    await rig.end(taskId);
    expect(handled).toEqual([
      ["go", ""],
      ["", id],
      ["remark", ""],
      ["waits", ""],
    ]);
    expect((await rig.tasks.state(taskId)).state).toMatchObject({ answer: { amount: 5 } });
  });

  it("takes the answer, though its agent refuses what comes while it is busy", async () => {
    const handled: string[] = [];
    await using rig = await startRig({
      onBusy: "reject",
      onTaskEventSend(ctx, { text }) {
        handled.push(text);
        if (text === "go") ctx.requireInput({ prompt: "Anybody?" });
        if (text === "waits") ctx.complete();
      },
    });
    const taskId = await rig.create("go");
    await rig.until(taskId, isTask(TaskState.INPUT_REQUIRED));
    await rig.tasks.send(taskId, "waits");
    await expect(rig.tasks.send(taskId, "more")).rejects.toMatchObject({ reason: "TASK_BUSY" });
    const answers = (await rig.tasks.get(taskId)).question?.id ?? "";
    await rig.tasks.send(taskId, "answer", { answers });
    await rig.end(taskId);
    expect(handled).toEqual(["go", "answer", "waits"]);
  });

  it("is told when nobody has answered in time", async () => {
    const types: string[] = [];
    await using rig = await startRig({
      onTaskEventSend(ctx, { text, type }) {
        types.push(type);
        if (text === "go") ctx.requireInput({ prompt: "Anybody?", deadline: { in: 20 } });
        else ctx.complete();
      },
    });
    await rig.end(await rig.create("go"));
    expect(types).toEqual(["", "pigeonhole.question.expired"]);
  });

  const hour = 3_600_000;
  it.each<[string, (ctx: TurnContext) => unknown]>([
    ["nothing", (ctx) => ctx.requireInput({ prompt: "" })],
    ["too much", (ctx) => ctx.requireInput({ prompt: "x".repeat(16_385) })],
    ["by a schema that is none", (ctx) => ctx.requireInput({ prompt: "?", schema: { type: "integre" } })],
    [
      "until a century from now",
      (ctx) => ctx.requireInput({ prompt: "?", deadline: { in: 100 * 365 * 24 * hour } }),
    ],
  ])("cannot ask %s", async (_, call) => {
    const running = createGate();
    running.open();
    await using rig = await startRig({
      async onTaskEventSend(ctx) {
        expect(() => call(ctx)).toThrow(expect.objectContaining({ reason: "VALUE_INVALID" }));
        await running.pass(ctx);
      },
    });
    const taskId = await rig.create("go");
    await rig.until(taskId, isEvent(EventState.PROCESSED));
    expect((await rig.tasks.get(taskId)).state).toBe(TaskState.ACTIVE);
    expect(rig.logged).toEqual([]);
  });
});
