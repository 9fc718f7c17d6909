import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { afterAll, describe, expect, it } from "vitest";
import { EventState, TaskState } from "../src/proto.ts";
import { type Clock, systemClock } from "../src/server/index.ts";
import { collect, createGate, failureOf, failuresIn, isEvent, isTask, startRig } from "./agents/rig.ts";

const directory = mkdtempSync(join(tmpdir(), "pigeonhole-retry-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe("a handler that throws", () => {
  it("is run again, and only its last answer stays", async () => {
    await using rig = await startRig({
      retry: { initialBackoff: 1 },
      async onTaskEventSend(ctx) {
        await ctx.messages.send(`attempt ${ctx.attempt}`);
        if (ctx.attempt < 3) throw new TypeError(`no ${ctx.attempt}`);
      },
    });
    const taskId = await rig.create("go");
    const log = await rig.until(taskId, isEvent(EventState.PROCESSED));
    expect(failuresIn(log)).toEqual([
      "1: HANDLER_FAILED, TypeError: no 1",
      "2: HANDLER_FAILED, TypeError: no 2",
    ]);
    const superseded = log.flatMap(({ entry }) =>
      entry.case === "superseded" ? entry.value.messageIds : [],
    );
    const shown = log.flatMap(({ entry }) =>
      entry.case === "message" && entry.value.attempt < 3 ? [entry.value.id] : [],
    );
    expect(superseded).toEqual(shown);
    expect(await rig.texts(taskId)).toEqual(["attempt 3"]);
    const [event] = await collect(rig.tasks.events(taskId));
    expect([event?.attempt, failureOf(event?.lastError)]).toEqual([3, "HANDLER_FAILED, TypeError: no 2"]);
    const errors = rig.logged.filter(({ message }) => message === "a handler failed");
    expect(errors.map(({ fields }) => [fields.taskId, fields.attempt])).toEqual([
      [taskId, 1],
      [taskId, 2],
    ]);
  });

  it("waits twice as long after each failure, at most as long as it may", async () => {
    // Each wait is the longest there may be, and time stands still while a failure is written down: it goes on as timers ring.
    let time = Date.now();
    const clock: Clock = {
      ...{ ...systemClock, random: () => 1, now: () => time },
      timer(delay, ring) {
        const due = time + delay;
        return systemClock.timer(delay, () => {
          time = Math.max(time, due);
          ring();
        });
      },
    };
    await using rig = await startRig(
      {
        retry: { maxAttempts: 5, initialBackoff: 10, maxBackoff: 35, onExhausted: "fail" },
        onTaskEventSend() {
          throw new Error("no");
        },
      },
      { clock },
    );
    const taskId = await rig.create("go");
    const log = await rig.end(taskId);
    const waits = log.flatMap(({ time, entry }) => {
      if (entry.case !== "superseded" || time === undefined) return [];
      const { retryTime } = entry.value;
      return [retryTime && timestampMs(retryTime) - timestampMs(time)];
    });
    expect(waits).toEqual([10, 20, 35, 35, undefined]);
  });

  it("fails its task in the end, if its agent says so: its event is dead-lettered, the rest is dropped", async () => {
    await using rig = await startRig({
      retry: { maxAttempts: 3, initialBackoff: 1, onExhausted: "fail" },
      async onTaskEventSend(ctx, event) {
        await ctx.messages.send(event.text);
        if (event.text === "bad") throw new RangeError("cannot");
      },
    });
    const taskId = await rig.create("good");
    await rig.tasks.send(taskId, "bad");
    await rig.tasks.send(taskId, "late").catch(() => undefined);
    const log = await rig.end(taskId);
    expect(failuresIn(log)).toEqual(
      [1, 2, 3].map((attempt) => `${attempt}: HANDLER_FAILED, RangeError: cannot`),
    );
    const task = await rig.tasks.get(taskId);
    expect([TaskState[task.state], failureOf(task.error)]).toEqual([
      "FAILED",
      "HANDLER_FAILED, RangeError: cannot",
    ]);
    const [good, bad, ...late] = await collect(rig.tasks.events(taskId));
    expect([good?.state, bad?.state]).toEqual([EventState.PROCESSED, EventState.DEAD_LETTERED]);
    expect(failureOf(bad?.lastError)).toBe("HANDLER_FAILED, RangeError: cannot");
    for (const { state } of late) expect(state).toBe(EventState.DROPPED);
    expect(await rig.texts(taskId)).toEqual(["good"]);
    await expect(rig.tasks.send(taskId, "more")).rejects.toMatchObject({ reason: "TASK_FINISHED" });
  });

  it("is given up in the end: its event is dead-lettered, and its task goes on with the next", async () => {
    await using rig = await startRig({
      retry: { maxAttempts: 2, initialBackoff: 1 },
      onTaskEventSend(ctx, event) {
        if (event.text === "bad") throw new RangeError("cannot");
        ctx.complete();
      },
    });
    const taskId = await rig.create("bad");
    await rig.tasks.send(taskId, "good");
    await rig.end(taskId);
    const states = (await collect(rig.tasks.events(taskId))).map(({ state }) => EventState[state]);
    expect(states).toEqual(["DEAD_LETTERED", "PROCESSED"]);
    expect((await rig.tasks.get(taskId)).state).toBe(TaskState.COMPLETED);
  });

  it("drops what waits behind it when it fails for good", async () => {
    const gate = createGate();
    await using rig = await startRig({
      retry: { maxAttempts: 1, onExhausted: "fail" },
      async onTaskEventSend(ctx) {
        await gate.pass(ctx);
        throw new Error("no");
      },
    });
    const taskId = await rig.create("first");
    await gate.reached;
    for (const text of ["second", "third"]) await rig.tasks.send(taskId, text);
    gate.open();
    await rig.end(taskId);
    const states = (await collect(rig.tasks.events(taskId))).map(({ state }) => EventState[state]);
    expect(states).toEqual(["DEAD_LETTERED", "DROPPED", "DROPPED"]);
  });

  it("keeps events waiting while onTaskCreate fails", async () => {
    let failing = true;
    await using rig = await startRig({
      retry: { initialBackoff: 1, maxBackoff: 1, maxAttempts: 100 },
      async onTaskCreate(ctx) {
        await ctx.messages.send(`created at attempt ${ctx.attempt}`);
        if (failing) throw new Error("not yet");
      },
      onTaskEventSend: async (ctx, event) => void (await ctx.messages.send(event.text)),
    });
    const taskId = await rig.create("one");
    await rig.until(taskId, ({ entry }) => entry.case === "superseded" && entry.value.attempt === 2);
    const [event] = await collect(rig.tasks.events(taskId));
    expect([(await rig.tasks.get(taskId)).state, event?.state]).toEqual([
      TaskState.PENDING,
      EventState.QUEUED,
    ]);
    failing = false;
    await rig.until(taskId, isEvent(EventState.PROCESSED));
    expect(await rig.texts(taskId)).toEqual([expect.stringMatching(/^created at attempt \d+$/), "one"]);
  });

  it("fails its task if it is onTaskCreate, and no event is handled", async () => {
    await using rig = await startRig({
      retry: { maxAttempts: 2, initialBackoff: 1 },
      onTaskCreate() {
        throw new Error("never");
      },
    });
    const taskId = await rig.create("one");
    const log = await rig.end(taskId);
    expect(log.some(isTask(TaskState.ACTIVE))).toBe(false);
    expect(failuresIn(log)).toEqual(["1: HANDLER_FAILED, Error: never", "2: HANDLER_FAILED, Error: never"]);
    expect((await collect(rig.tasks.events(taskId))).map(({ state }) => state)).toEqual([EventState.DROPPED]);
  });

  const hostile = new Error("hidden");
  Object.defineProperty(hostile, "message", { value: { toString: () => Promise.reject } });
  it.each<[string, unknown, string]>([
    ["a text", "plain", "string: plain"],
    ["nothing", undefined, "undefined: undefined"],
    ["null", null, "object: null"],
    ["an object without a text", Object.create(null), "object: something without a text"],
    ["an error without a text", hostile, "Error: something without a text"],
    ["a very long text", "x".repeat(100_000), `string: ${"x".repeat(4096)}`],
    ["half of a surrogate pair", new Error("a\ud800"), "Error: a\ufffd"],
    ["an error of no name", Object.assign(new Error("no"), { name: 5 }), "5: no"],
  ])("may throw %s", async (_, value, text) => {
    await using rig = await startRig({
      retry: { maxAttempts: 1, onExhausted: "fail" },
      onTaskEventSend() {
        throw value;
      },
    });
    const taskId = await rig.create("go");
    expect(failuresIn(await rig.end(taskId))).toEqual([`1: HANDLER_FAILED, ${text}`]);
  });
});

describe("a retry that waits", () => {
  const hour = 3_600_000;

  it("outlives its server", async () => {
    const store = `sqlite:${join(directory, "outlives.db")}`;
    const retry = { initialBackoff: hour, maxBackoff: hour };
    const first = await startRig(
      {
        retry,
        onTaskEventSend() {
          throw new Error("the first server fails");
        },
      },
      { store, clock: { ...systemClock, random: () => 1 } },
    );
    const taskId = await first.create("go");
    await first.until(taskId, ({ entry }) => entry.case === "superseded");
    await first.close();

    // When the next one begins the retry is not due yet; its own clock has to wake it.
    const clock = { ...systemClock, now: () => Date.now() + hour - 300 };
    await using rig = await startRig({ retry, onTaskEventSend: (ctx) => ctx.complete() }, { store, clock });
    const log = await rig.end(taskId);
    expect(failuresIn(log)).toEqual(["1: HANDLER_FAILED, Error: the first server fails"]);
    const [event] = await collect(rig.tasks.events(taskId));
    expect([event?.state, event?.attempt]).toEqual([EventState.PROCESSED, 2]);
  });

  it("is not hurried by another event, which waits its turn", async () => {
    await using rig = await startRig({
      retry: { initialBackoff: hour, maxBackoff: hour },
      onTaskEventSend(_, event) {
        if (event.text === "first") throw new Error("later");
      },
    });
    const taskId = await rig.create("first");
    await rig.until(taskId, ({ entry }) => entry.case === "superseded");
    const { event } = await rig.tasks.send(taskId, "second");
    const other = await rig.create("of another task");
    await rig.until(other, isEvent(EventState.PROCESSED));
    const log = await rig.until(taskId, ({ sequence }) => sequence === event.sequence);
    expect(log.filter(isEvent(EventState.PROCESSING))).toHaveLength(1);
    expect((await rig.tasks.get(taskId)).pendingEvents).toBe(2);
  });
});
