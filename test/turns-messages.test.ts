import { type JsonObject, type JsonValue, toJson } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { EventState, MessageAuthor, type PartJson, PartSchema } from "../src/proto.ts";
import type { AgentEvent, Content, MessageStream, TurnContext } from "../src/server/index.ts";
import { collect, createGate, failuresIn, isEvent, normal, type Rig, startRig } from "./agents/rig.ts";

const everyKind: PartJson[] = [
  { text: "Grüße, 世界 👋" },
  { data: { deep: [1, null, { a: true, __proto: "x" }], half: 0.5 } },
  { data: null },
  { file: { bytes: "AAEC/w==", name: "a.bin", mediaType: "application/octet-stream" } },
  { file: { uri: "https://example.com/a.png", mediaType: "image/png" } },
  { reasoning: "Because." },
  { toolRequest: { id: "1", name: "look-up", arguments: { of: "x" } } },
  { toolResponse: { id: "1", name: "look-up", result: [1, 2], isError: true } },
  { text: "noted", metadata: { source: "test" } },
];

/** A text within so many objects and lists. */
function nested(levels: number): JsonValue {
  return levels === 0 ? "x" : levels % 2 === 0 ? [nested(levels - 1)] : { a: nested(levels - 1) };
}

async function partsOf({ tasks }: Rig, taskId: string): Promise<PartJson[][]> {
  const messages = await collect(tasks.messages(taskId));
  return messages.map(({ parts }) => parts.map((part) => toJson(PartSchema, part)));
}

describe("messages", () => {
  it("show parts of every kind as they were given, whole or streamed", async () => {
    const events: AgentEvent[] = [];
    await using rig = await startRig({
      async onTaskEventSend(ctx, event) {
        events.push(event);
        await ctx.messages.send(event.parts, { author: "user" });
        const stream = ctx.messages.stream();
        for (const part of everyKind) await stream.write(part);
      },
    });
    const { tasks } = rig;
    const taskId = await rig.create();
    await tasks.send(taskId, everyKind, { type: "kind", sender: "me", metadata: { a: [1] } });
    await rig.until(taskId, isEvent(EventState.PROCESSED));
    const expected = everyKind.map(normal);
    expect(events).toEqual([expect.objectContaining({ parts: expected, type: "kind", sender: "me" })]);
    expect(events[0]?.text).toBe("Grüße, 世界 👋\nnoted");
    expect(events[0]?.metadata).toEqual({ a: [1] });
    expect(await partsOf(rig, taskId)).toEqual([expected, expected]);
    const authors = (await collect(tasks.messages(taskId))).map(({ author }) => author);
    expect(authors).toEqual([MessageAuthor.USER, MessageAuthor.AGENT]);
  });

  it("pass on what is nested as deep as a client may send it, and no deeper", async () => {
    const params: JsonObject = { a: nested(29) };
    const deepest: PartJson[] = [
      { data: nested(30) },
      { toolRequest: { id: "1", name: "look-up", arguments: { a: nested(29) } } },
      { toolResponse: { id: "1", name: "look-up", result: nested(30) } },
      { text: "noted", metadata: params },
    ];
    await using rig = await startRig({
      async onTaskEventSend(ctx, event) {
        ctx.state.set("deep", event.metadata);
        await ctx.messages.send(event.parts);
        await expect(ctx.messages.send({ data: nested(31) })).rejects.toThrow(/at most 30 deep/);
        expect(() => ctx.state.set("deeper", nested(31))).toThrow(/nested deeper than 30 levels/);
      },
    });
    const taskId = await rig.create();
    await rig.tasks.send(taskId, deepest, { metadata: params });
    await rig.until(taskId, isEvent(EventState.PROCESSED));
    expect(await partsOf(rig, taskId)).toEqual([deepest.map(normal)]);
    expect((await rig.tasks.state(taskId)).state).toEqual({ deep: params });
  });

  it("grow by their last part, if what is added is of its kind", async () => {
    await using rig = await startRig({
      async onTaskEventSend(ctx) {
        const stream = ctx.messages.stream();
        const additions: (string | PartJson)[] = [
          ...["a", "b", { text: "c" }, { reasoning: "d" }, { reasoning: "e" }, "f", { data: 1 }, { data: 2 }],
          ...["g", { text: "h", metadata: { i: 1 } }, "j", "k"],
        ];
        for (const addition of additions) await stream.write(addition);
      },
    });
    const taskId = await rig.create("go");
    await rig.until(taskId, isEvent(EventState.PROCESSED));
    expect(await partsOf(rig, taskId)).toEqual([
      [
        ...[{ text: "abc" }, { reasoning: "de" }, { text: "f" }, { data: 1 }, { data: 2 }, { text: "g" }],
        ...[{ text: "h", metadata: { i: 1 } }, { text: "jk" }],
      ],
    ]);
  });

  it("are no more than one entry of a log can name", async () => {
    await using rig = await startRig({
      async onTaskEventSend(ctx) {
        for (let begun = 1; begun < 50_000; begun++) ctx.messages.stream();
        await ctx.messages.send("the last");
        const tooMany = { reason: "VALUE_INVALID" };
        expect(() => ctx.messages.stream()).toThrow(expect.objectContaining(tooMany));
        await expect(ctx.messages.send("one more")).rejects.toMatchObject(tooMany);
      },
    });
    const taskId = await rig.create("go");
    await rig.until(taskId, isEvent(EventState.PROCESSED));
    expect(await rig.texts(taskId)).toEqual(["the last"]);
  });

  it("keep the order of calls that nobody awaits, and of streams side by side", async () => {
    await using rig = await startRig({
      onTaskEventSend(ctx) {
        const [first, second] = [ctx.messages.stream(), ctx.messages.stream()];
        void first.write("1");
        void second.write("2");
        void ctx.messages.send("between");
        void first.write("3");
        void second.write("4");
        void first.end();
      },
    });
    const taskId = await rig.create("go");
    await rig.until(taskId, isEvent(EventState.PROCESSED));
    expect(await rig.texts(taskId)).toEqual(["13", "24", "between"]);
  });

  it("reach a subscriber before the handler takes its next step", async () => {
    const gates = [createGate(), createGate()];
    await using rig = await startRig({
      async onTaskEventSend(ctx) {
        const stream = ctx.messages.stream();
        for (const [index, gate] of gates.entries()) {
          await stream.write(`step ${index}. `);
          await gate.pass(ctx);
        }
      },
    });
    const taskId = await rig.create("go");
    let text = "";
    for await (const { entry } of rig.tasks.subscribe(taskId)) {
      if (entry.case === "event" && entry.value.state === EventState.PROCESSED) break;
      if (entry.case !== "delta") continue;
      const { change } = entry.value;
      text += change.case === "appendText" ? change.value : (change.value?.content.value ?? "");
      gates[text === "step 0. " ? 0 : 1]?.open();
    }
    expect(text).toBe("step 0. step 1. ");
  });

  it("pass on more than any buffer holds", async () => {
    const piece = "0123456789".repeat(900);
    await using rig = await startRig({
      async onTaskEventSend(ctx) {
        for (let message = 0; message < 5; message++) {
          const stream = ctx.messages.stream();
          for (let count = 0; count < 100; count++) await stream.write(piece);
        }
      },
    });
    const taskId = await rig.create("go");
    await rig.until(taskId, isEvent(EventState.PROCESSED));
    expect(await rig.texts(taskId)).toEqual(Array(5).fill(piece.repeat(100)));
  });
});

describe("what cannot be shown", () => {
  const circular: { self?: unknown } = {};
  circular.self = circular;
  /** Gives a value to code that does not know its type, as a careless agent would. */
  const careless = (value: unknown) => value as Content & PartJson;

  it.each<[string, unknown, RegExp]>([
    ["nothing", [], /at least one part/],
    ["undefined", undefined, /parts\[0\]/],
    ["null", null, /parts\[0\]/],
    ["a number", 5, /parts\[0\]/],
    ["a part of no kind", {}, /parts\[0\]/],
    ["a part of an unknown kind", [{ text: "a" }, { txet: "b" }], /parts\[1\].*txet/],
    ["a part of two kinds", { text: "a", reasoning: "b" }, /parts\[0\]/],
    ["a circular value", { data: circular }, /parts\[0\]/],
    ["undefined in data", { data: { a: undefined } }, /parts\[0\]/],
    ["a function in data", { data: { a: () => 1 } }, /parts\[0\]/],
    ["a bigint in data", { data: { a: 1n } }, /parts\[0\]/],
    ["NaN in data", { data: { a: Number.NaN } }, /parts\[0\]/],
    ["a Date in data", { data: { a: new Date(0) } }, /parts\[0\]/],
    ["a Map in data", { data: new Map([["a", 1]]) }, /parts\[0\]/],
    ["half of a surrogate pair", "a\ud800", /parts\[0\]/],
    ["a text of 5 MB", "x".repeat(5_000_000), /parts\[0\]|takes? 5/],
    ["5 MB in data", { data: { a: "x".repeat(5_000_000) } }, /parts\[0\]|takes? 5/],
  ])("%s throws VALUE_INVALID and shows nothing", async (_, value, message) => {
    const errors: unknown[] = [];
    await using rig = await startRig({
      async onTaskEventSend(ctx) {
        const stream = ctx.messages.stream();
        const part = Array.isArray(value) ? value.at(-1) : value;
        await ctx.messages.send(careless(value)).catch((error: unknown) => errors.push(error));
        await stream.write(careless(part)).catch((error: unknown) => errors.push(error));
        await ctx.messages.send("All is well.");
      },
    });
    const taskId = await rig.create("go");
    await rig.until(taskId, isEvent(EventState.PROCESSED));
    // A string is an addition to a stream, even an empty one.
    const [whole, streamed] = errors;
    expect(whole).toMatchObject({
      name: "TaskError",
      reason: "VALUE_INVALID",
      message: expect.stringMatching(message),
    });
    expect(streamed).toMatchObject({ name: "TaskError", reason: "VALUE_INVALID" });
    expect(await rig.texts(taskId)).toEqual(["All is well."]);
  });

  it("does not end the process if nobody awaits it, and is in the server's log", async () => {
    await using rig = await startRig({
      onTaskEventSend(ctx) {
        void ctx.messages.send(careless(5));
        void ctx.messages.stream().write(careless(5));
      },
    });
    const taskId = await rig.create("go");
    await rig.until(taskId, isEvent(EventState.PROCESSED));
    const warnings = rig.logged.filter(({ level }) => level === "warn");
    expect(warnings).toHaveLength(2);
    expect(warnings[0]?.fields).toMatchObject({ taskId, error: { name: "VALUE_INVALID" } });
  });
});

describe("a turn that is over", () => {
  it("throws TURN_OVER for all that would have an effect, and nothing shows", async () => {
    const left = Promise.withResolvers<{ ctx: TurnContext; stream: MessageStream }>();
    await using rig = await startRig({
      async onTaskEventSend(ctx) {
        const stream = ctx.messages.stream();
        await stream.write("It was me.");
        left.resolve({ ctx, stream });
      },
    });
    const taskId = await rig.create("go");
    await rig.until(taskId, isEvent(EventState.PROCESSED));
    const { ctx, stream } = await left.promise;
    const over = { name: "TaskError", reason: "TURN_OVER" };
    await expect(ctx.messages.send("late")).rejects.toMatchObject(over);
    await expect(stream.write("late")).rejects.toMatchObject(over);
    const calls = [
      () => ctx.messages.stream(),
      () => ctx.state.set("late", 1),
      () => ctx.state.delete("late"),
      () => ctx.complete(),
      () => ctx.fail("late"),
    ];
    for (const call of calls) expect(call).toThrow(expect.objectContaining(over));
    await expect(stream.end()).resolves.toBeUndefined();
    // Nobody awaits these: that they fail is nobody's business and must not end the process.
    void ctx.messages.send("later");
    void stream.write("later");
    const { event } = await rig.tasks.send(taskId, "another");
    await rig.until(taskId, isEvent(EventState.PROCESSED, event.sequence));
    expect(await rig.texts(taskId)).toEqual(["It was me.", "It was me."]);
    expect((await rig.tasks.state(taskId)).state).toEqual({});
  });

  it("does not take the turn down that uses what is left of it", async () => {
    let left: MessageStream | undefined;
    await using rig = await startRig({
      retry: { initialBackoff: 1 },
      async onTaskEventSend(ctx) {
        if (left !== undefined && ctx.attempt === 1) await left.write("late");
        left = ctx.messages.stream();
        await left.write(`attempt ${ctx.attempt}`);
      },
    });
    const taskId = await rig.create("one");
    const { event } = await rig.tasks.send(taskId, "two");
    const log = await rig.until(taskId, isEvent(EventState.PROCESSED, event.sequence));
    expect(failuresIn(log)).toEqual([
      expect.stringMatching(/^1: HANDLER_FAILED, TaskError: turn \d+ of task/),
    ]);
    expect(await rig.texts(taskId)).toEqual(["attempt 1", "attempt 2"]);
  });

  it("is not what a write to an ended message makes of a turn that runs", async () => {
    await using rig = await startRig({
      retry: { initialBackoff: 1 },
      async onTaskEventSend(ctx) {
        const stream = ctx.messages.stream();
        await stream.write("Said.");
        await stream.end();
        await stream.end();
        if (ctx.attempt === 1) await stream.write("Not said.");
      },
    });
    const taskId = await rig.create("go");
    const log = await rig.until(taskId, isEvent(EventState.PROCESSED));
    expect(failuresIn(log)).toEqual([
      expect.stringMatching(/^1: HANDLER_FAILED, TaskError: message .* has ended/),
    ]);
    expect(await rig.texts(taskId)).toEqual(["Said."]);
  });
});
