import type { JsonValue } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { EventState } from "../src/proto.ts";
import type { TurnContext } from "../src/server/index.ts";
import { createGate, isEvent, startRig } from "./agents/rig.ts";

describe("a task's state", () => {
  it("is seen by others once the turn has committed, and by the turn at once", async () => {
    const gate = createGate();
    await using rig = await startRig({
      async onTaskEventSend(ctx) {
        ctx.state.set("a", { list: [1, "2", null] });
        ctx.state.set("b", false);
        ctx.state.set("gone", 1);
        const deleted = [ctx.state.delete("gone"), ctx.state.delete("gone"), ctx.state.delete("never")];
        ctx.state.set("seen", { keys: ctx.state.keys(), a: ctx.state.get<JsonValue>("a") ?? null, deleted });
        await gate.pass(ctx);
      },
    });
    const { tasks } = rig;
    const taskId = await rig.create("go");
    await gate.reached;
    expect(await tasks.state(taskId)).toMatchObject({ state: {}, revision: 0n });
    gate.open();
    await rig.until(taskId, isEvent(EventState.PROCESSED));
    const { state, revision, sequence } = await tasks.state(taskId);
    const a = { list: [1, "2", null] };
    expect(state).toEqual({ a, b: false, seen: { keys: ["a", "b"], a, deleted: [true, false, false] } });
    expect(revision).toBe(1n);
    expect(sequence).toBe((await tasks.get(taskId)).sequence);
  });

  it("goes on from turn to turn, and counts those that change it", async () => {
    const revisions: number[] = [];
    await using rig = await startRig({
      onTaskCreate: (ctx) => ctx.state.set("turns", ["create"]),
      onTaskEventSend(ctx, event) {
        revisions.push(ctx.state.revision);
        if (event.text === "look") return;
        ctx.state.set("turns", [...(ctx.state.get<string[]>("turns") ?? []), event.text]);
      },
    });
    const taskId = await rig.create("one");
    await rig.tasks.send(taskId, "look");
    const { event } = await rig.tasks.send(taskId, "two");
    await rig.until(taskId, isEvent(EventState.PROCESSED, event.sequence));
    expect(revisions).toEqual([1, 2, 2]);
    expect(await rig.tasks.state(taskId)).toMatchObject({
      state: { turns: ["create", "one", "two"] },
      revision: 3n,
    });
  });

  it("keeps nothing of a turn that fails", async () => {
    const seen: unknown[] = [];
    await using rig = await startRig({
      retry: { initialBackoff: 1 },
      onTaskEventSend(ctx) {
        seen.push([ctx.state.get("count") ?? 0, ctx.state.keys()]);
        ctx.state.set("count", (ctx.state.get("count") ?? 0) + 1);
        ctx.state.set(`attempt ${ctx.attempt}`, true);
        if (ctx.attempt < 3) throw new Error("again");
      },
    });
    const taskId = await rig.create("go");
    await rig.until(taskId, isEvent(EventState.PROCESSED));
    expect(seen).toEqual([
      [0, []],
      [0, []],
      [0, []],
    ]);
    expect(await rig.tasks.state(taskId)).toMatchObject({
      state: { count: 1, "attempt 3": true },
      revision: 1n,
    });
  });

  it("gives copies, which change nothing", async () => {
    await using rig = await startRig({
      onTaskEventSend(ctx) {
        const list = [1];
        ctx.state.set("list", list);
        list.push(2);
        ctx.state.get<number[]>("list")?.push(3);
      },
    });
    const taskId = await rig.create("go");
    await rig.until(taskId, isEvent(EventState.PROCESSED));
    expect((await rig.tasks.state(taskId)).state).toEqual({ list: [1] });
  });

  it("takes any key, also those that objects have of their own", async () => {
    const keys = ["__proto__", "constructor", "toString", "a.b[0]", "ключ", " "];
    const read: unknown[] = [];
    await using rig = await startRig({
      onTaskEventSend(ctx) {
        if (ctx.state.keys().length === 0) for (const key of keys) ctx.state.set(key, `of ${key}`);
        else for (const key of keys) read.push(ctx.state.get<string>(key));
      },
    });
    const taskId = await rig.create("set");
    const { event } = await rig.tasks.send(taskId, "get");
    await rig.until(taskId, isEvent(EventState.PROCESSED, event.sequence));
    expect(read).toEqual(keys.map((key) => `of ${key}`));
    const { state } = await rig.tasks.state(taskId);
    expect(Object.keys(state).sort()).toEqual([...keys].sort());
  });
});

describe("what cannot be stored", () => {
  const circular: { self?: unknown } = {};
  circular.self = circular;

  it.each<[string, unknown, RegExp]>([
    ["undefined", undefined, /^state\.place is a value of type undefined/],
    ["a function", { a: [() => 1] }, /^state\.place\.a\[0\] is a value of type function/],
    ["a bigint", { a: 1n }, /^state\.place\.a is a value of type bigint/],
    ["a symbol", [Symbol("s")], /^state\.place\[0\] is a value of type symbol/],
    ["undefined inside", { a: { b: undefined } }, /^state\.place\.a\.b is a value of type undefined/],
    ["a hole", new Array(1), /^state\.place\[0\] is a value of type undefined/],
    ["NaN", { a: Number.NaN }, /^state\.place\.a is NaN/],
    ["Infinity", -Infinity, /^state\.place is -Infinity/],
    ["a Date", { at: new Date(0) }, /^state\.place\.at is a value of type Date/],
    ["a Map", new Map(), /^state\.place is a value of type Map/],
    ["bytes", new Uint8Array(1), /^state\.place is a value of type Uint8Array/],
    ["an object of no class", Object.create(Object.create(null)), /^state\.place is a value of type Object/],
    ["a circular value", circular, /^state\.place\.self\.self.* is nested deeper than 30 levels/],
    ["half of a surrogate pair", ["\udc00"], /^state\.place\[0\] has half of a surrogate pair/],
    ["half of one in a name", { "\udc00": 1 }, /^state\.place has a name with half of a surrogate pair/],
    [
      "a text of 5 MB",
      "x".repeat(5_000_000),
      /^state: place takes 5000002 characters of JSON, and may take 262144/,
    ],
  ])("%s throws VALUE_INVALID that names the place", async (_, value, message) => {
    const thrown = Promise.withResolvers<unknown>();
    await using rig = await startRig({
      onTaskEventSend(ctx) {
        ctx.state.set("kept", 1);
        thrown.resolve(errorOf(() => ctx.state.set("place", value as JsonValue)));
      },
    });
    const taskId = await rig.create("go");
    await rig.until(taskId, isEvent(EventState.PROCESSED));
    expect(await thrown.promise).toMatchObject({
      name: "TaskError",
      reason: "VALUE_INVALID",
      message: expect.stringMatching(message),
    });
    expect((await rig.tasks.state(taskId)).state).toEqual({ kept: 1 });
  });

  it("is also a key that is none, and more than fits in all", async () => {
    const errors: unknown[] = [];
    const value = "x".repeat(130_000);
    const set = (ctx: TurnContext, key: string) => errors.push(errorOf(() => ctx.state.set(key, value)));
    await using rig = await startRig({
      onTaskEventSend(ctx) {
        for (const key of ["", "k".repeat(257), "\ud800", "a", "b", "c", "d", "e"]) set(ctx, key);
        ctx.state.delete("a");
        set(ctx, "f");
      },
    });
    const taskId = await rig.create("go");
    await rig.until(taskId, isEvent(EventState.PROCESSED));
    const reasons = errors.map((error) => (error instanceof Error ? error.message : "fits"));
    expect(reasons).toEqual([
      ...Array(3).fill(expect.stringContaining("a key must be a string of 1 to 256")),
      ...["fits", "fits", "fits", "fits"],
      expect.stringMatching(/the state would take \d+ characters with e, and may take 524288/),
      "fits",
    ]);
    expect(Object.keys((await rig.tasks.state(taskId)).state).sort()).toEqual(["b", "c", "d", "f"]);
  });
});

function errorOf(call: () => void): unknown {
  try {
    call();
    return undefined;
  } catch (error) {
    return error;
  }
}
