import { describe, expect, it } from "vitest";
import { EventState, TaskState, type TaskUpdate } from "../src/proto.ts";
import { type AgentDefinition, defineAgent, type TurnContext } from "../src/server/index.ts";
import { collect, createGate, failuresIn, isEvent, isTask, startRig } from "./agents/rig.ts";

/** Serves the agent `rig`, and an agent `other`. */
function startPair(rig: Partial<AgentDefinition>, other: Partial<AgentDefinition> = {}) {
  const agents = Object.entries({ rig, other }).map(([name, definition]) =>
    defineAgent({ name, onTaskEventSend: () => {}, retry: { initialBackoff: 1 }, ...definition }),
  );
  return startRig({}, { agents });
}

/** Whether an entry says that a turn has ended, with or without effect. */
function isOver(update: TaskUpdate): boolean {
  return update.entry.case === "superseded" || isEvent(EventState.PROCESSED)(update);
}

const never = "00000000-0000-7000-8000-000000000000";

describe("a task that an agent makes", () => {
  it("is its child, gets its first event, and its end comes back as an event", async () => {
    const handled: unknown[] = [];
    await using rig = await startPair(
      {
        async onTaskEventSend(ctx, { type, parts, sender }) {
          if (type === "pigeonhole.task.ended") {
            handled.push(["ended", sender, parts]);
            return ctx.complete();
          }
          const child = {
            agent: "other",
            name: "the child",
            params: { deep: [1] },
            labels: { a: "b" },
            ttl: 60_000,
          };
          ctx.state.set("child", await ctx.tasks.create({ ...child, event: "work", type: "order" }));
        },
      },
      {
        onTaskEventSend(ctx, { text, type, sender }) {
          handled.push([text, type, sender, ctx.task.params, ctx.task.parentTaskId]);
          ctx.complete("did it");
        },
      },
    );
    const taskId = await rig.create("go");
    await rig.end(taskId);
    expect(handled[0]).toEqual(["work", "order", "agent:rig", { deep: [1] }, taskId]);
    const child = await rig.tasks.get({ name: "the child" });
    expect(child).toMatchObject({ agent: "other", labels: { a: "b" }, parentTaskId: taskId });
    expect(child.expireTime).toBeDefined();
    expect((await rig.tasks.state(taskId)).state).toEqual({ child: child.id });
    expect(JSON.stringify(handled[1])).toContain(child.id);
  });

  it("is made once, however often the turn is tried", async () => {
    await using rig = await startPair({
      async onTaskEventSend(ctx) {
        await ctx.tasks.create({ agent: "other", labels: { attempt: String(ctx.attempt) } });
        if (ctx.attempt === 1) throw new Error("no");
      },
    });
    const taskId = await rig.create("go");
    await rig.until(taskId, isEvent(EventState.PROCESSED));
    const children = await collect(rig.tasks.list({ parentTaskId: taskId }));
    expect(children.map(({ labels }) => labels)).toEqual([{ attempt: "2" }]);
  });

  it("is the unfinished one of its name, if there is one, and gets the event", async () => {
    const ids: string[] = [];
    await using rig = await startPair({
      async onTaskEventSend(ctx) {
        for (const name of ["old", "new", "new"])
          ids.push(await ctx.tasks.create({ agent: "other", name, event: "hello" }));
      },
    });
    const { task: old } = await rig.tasks.create({ agent: "other", name: "old" });
    await rig.until(await rig.create("go"), isEvent(EventState.PROCESSED));
    const fresh = await rig.tasks.get({ name: "new" });
    expect(ids).toEqual([old.id, fresh.id, fresh.id]);
    expect([
      (await collect(rig.tasks.events(old.id))).length,
      (await collect(rig.tasks.events(fresh.id))).length,
    ]).toEqual([1, 2]);
  });

  it("is one, if calls at once make it under one name, and gets all their events", async () => {
    await using rig = await startPair({
      async onTaskEventSend(ctx) {
        const made = ["1", "2", "3"].map((event) => ctx.tasks.create({ agent: "other", name: "one", event }));
        ctx.state.set("ids", await Promise.all(made));
      },
    });
    const taskId = await rig.create("go");
    const log = await rig.until(taskId, isOver);
    expect(failuresIn(log)).toEqual([]);
    const { id } = await rig.tasks.get({ name: "one" });
    expect((await rig.tasks.state(taskId)).state).toEqual({ ids: [id, id, id] });
    const events = await collect(rig.tasks.events(id));
    expect(events.map(({ parts }) => parts[0]?.content.value)).toEqual(["1", "2", "3"]);
  });

  it("is cancelled with its parent", async () => {
    await using rig = await startPair({
      async onTaskEventSend(ctx) {
        await ctx.tasks.create({ agent: "other", name: "child" });
      },
    });
    const taskId = await rig.create("go");
    await rig.until(taskId, isEvent(EventState.PROCESSED));
    await rig.tasks.cancel(taskId);
    const child = await rig.tasks.get({ name: "child" });
    await rig.end(child.id);
    expect((await rig.tasks.get(child.id)).state).toBe(TaskState.CANCELLED);
  });

  it("is found by its name while it is being cancelled, and takes no event then", async () => {
    const cancelling = createGate();
    const thrown = Promise.withResolvers<unknown>();
    await using rig = await startPair(
      {
        async onTaskEventSend(ctx) {
          ctx.state.set("id", await ctx.tasks.create({ agent: "other", name: "old" }));
          await ctx.tasks
            .create({ agent: "other", name: "old", event: "go on" })
            .then(thrown.resolve, thrown.resolve);
        },
      },
      { onTaskCancel: cancelling.pass },
    );
    const { task: old } = await rig.tasks.create({ agent: "other", name: "old" });
    await rig.tasks.cancel(old.id);
    await cancelling.reached;
    const taskId = await rig.create("go");
    expect(await thrown.promise).toMatchObject({ reason: "TASK_FINISHED" });
    expect(failuresIn(await rig.until(taskId, isOver))).toEqual([]);
    expect((await rig.tasks.state(taskId)).state).toEqual({ id: old.id });
    cancelling.open();
  });

  it("cannot have too many parents above it", async () => {
    let deepest = 0;
    const thrown = Promise.withResolvers<unknown>();
    await using rig = await startPair({
      async onTaskCreate(ctx) {
        const depth = Number(ctx.task.params.depth ?? 0);
        deepest = Math.max(deepest, depth);
        await ctx.tasks.create({ agent: "rig", params: { depth: depth + 1 } }).catch(thrown.resolve);
      },
    });
    await rig.create();
    expect(await thrown.promise).toMatchObject({ reason: "FAN_OUT_EXCEEDED" });
    expect(deepest).toBe(15);
    expect(rig.logged).toEqual([]);
  });
});

describe("an event that an agent sends", () => {
  it("is sent by the turn's commit, in its order, and not if it fails", async () => {
    const handled: string[] = [];
    await using rig = await startPair(
      {
        async onTaskEventSend(ctx, { text: to }) {
          await ctx.tasks.send(to, `1 of attempt ${ctx.attempt}`);
          await ctx.tasks.send(to, [{ text: "2" }], { metadata: { a: 1 } });
          if (ctx.attempt === 1) throw new Error("no");
        },
      },
      {
        onTaskEventSend(ctx, { text }) {
          handled.push(text);
          if (text === "2") ctx.complete();
        },
      },
    );
    const { task: to } = await rig.tasks.create({ agent: "other" });
    await rig.create(to.id);
    await rig.end(to.id);
    expect(handled).toEqual(["1 of attempt 2", "2"]);
  });

  it("may go to a task that the turn makes, and to the turn's own", async () => {
    const handled: string[] = [];
    await using rig = await startPair(
      {
        async onTaskEventSend(ctx, { text }) {
          handled.push(text);
          if (text === "again") return ctx.complete();
          const child = await ctx.tasks.create({ agent: "other" });
          await ctx.tasks.send(child, "hello");
          await ctx.tasks.send(ctx.task.id, "again");
        },
      },
      { onTaskEventSend: (ctx, { text }) => void handled.push(`${ctx.task.agent}: ${text}`) },
    );
    const taskId = await rig.create("go");
    await rig.end(taskId);
    const [child] = await collect(rig.tasks.list({ parentTaskId: taskId }));
    await rig.until(child?.id ?? "", isEvent(EventState.PROCESSED));
    expect(handled.toSorted()).toEqual(["again", "go", "other: hello"]);
  });

  it("that is refused at the commit fails the turn, which is tried again", async () => {
    const full = createGate();
    const attempted = createGate();
    await using rig = await startPair(
      {
        async onTaskEventSend(ctx, { text: to }) {
          if (ctx.attempt === 2) return ctx.complete("gave up");
          await ctx.tasks.send(to, "one too many");
          await attempted.pass(ctx);
        },
      },
      { mailbox: { maxPending: 1 }, onTaskEventSend: full.pass },
    );
    const { task: to } = await rig.tasks.create({ agent: "other", event: "runs" });
    await full.reached;
    await rig.tasks.send(to.id, "waits");
    attempted.open();
    const taskId = await rig.create(to.id);
    const log = await rig.end(taskId);
    expect(failuresIn(log)).toEqual([expect.stringMatching(/^1: MAILBOX_FULL/)]);
    full.open();
  });

  it("does to a task that is busy what its agent says, unless the sender says other", async () => {
    const running = createGate();
    await using rig = await startPair(
      {
        async onTaskEventSend(ctx, { text: to }) {
          await ctx.tasks.send(to, "hello", ctx.attempt === 1 ? {} : { onBusy: "queue" });
          if (ctx.attempt === 2) ctx.complete();
        },
      },
      { onBusy: "reject", onTaskEventSend: running.pass },
    );
    const { task: to } = await rig.tasks.create({ agent: "other", event: "runs" });
    await running.reached;
    const log = await rig.end(await rig.create(to.id));
    expect(failuresIn(log)).toEqual([expect.stringMatching(/^1: TASK_BUSY/)]);
    running.open();
  });

  it("goes round in a ring a number of times, and no more", async () => {
    let rounds = 0;
    const stopped = Promise.withResolvers<unknown>();
    const pass = async (ctx: TurnContext) => {
      const [next = ""] = await Promise.all([
        ctx.tasks.create({ agent: "rig", name: ctx.task.name === "a" ? "b" : "a" }),
      ]);
      rounds += 1;
      await ctx.tasks.send(next, "on").catch(stopped.resolve);
    };
    await using rig = await startPair({ onTaskEventSend: pass });
    for (const name of ["a", "b"]) await rig.tasks.create({ agent: "rig", name });
    await rig.tasks.send((await rig.tasks.get({ name: "a" })).id, "begin");
    expect(await stopped.promise).toMatchObject({ reason: "FAN_OUT_EXCEEDED" });
    expect(rounds).toBe(257);
  });
});

describe("what an agent asks of other tasks", () => {
  it("has effect though the handler does not wait for it, and its refusal is in the log", async () => {
    await using rig = await startPair({
      onTaskEventSend(ctx, { text: to }) {
        void ctx.tasks.create({ agent: "other", name: "child" });
        void ctx.tasks.send(to, "hello");
        void ctx.tasks.send(never, "hello");
      },
    });
    const { task: to } = await rig.tasks.create({ agent: "other" });
    const taskId = await rig.create(to.id);
    expect(failuresIn(await rig.until(taskId, isOver))).toEqual([]);
    expect((await rig.tasks.get({ name: "child" })).parentTaskId).toBe(taskId);
    expect((await collect(rig.tasks.events(to.id))).map(({ sender }) => sender)).toEqual(["agent:rig"]);
    expect(rig.logged.map(({ level, fields }) => [level, fields.error])).toEqual([
      ["warn", expect.objectContaining({ name: "TASK_NOT_FOUND" })],
    ]);
  });
});

describe("another task", () => {
  it("can be cancelled, and is left alone if it has ended", async () => {
    await using rig = await startPair({
      async onTaskEventSend(ctx, { text: other }) {
        await ctx.tasks.cancel(other, "not needed");
        const child = await ctx.tasks.create({ agent: "other", name: "short-lived" });
        await ctx.tasks.cancel(child);
      },
    });
    const { task: other } = await rig.tasks.create({ agent: "other" });
    for (let n = 0; n < 2; n++) {
      await rig.until(await rig.create(other.id), isEvent(EventState.PROCESSED));
      await rig.end(other.id);
    }
    expect(await rig.tasks.get(other.id)).toMatchObject({
      state: TaskState.CANCELLED,
      statusReason: "not needed",
    });
    const child = await rig.tasks.get({ name: "short-lived" });
    await rig.end(child.id);
  });

  it("can be followed to its end", async () => {
    const followed = Promise.withResolvers<TaskUpdate[]>();
    await using rig = await startPair(
      {
        async onTaskEventSend(ctx, { text: other }) {
          followed.resolve(await collect(ctx.tasks.subscribe(other, { afterSequence: 1 })));
        },
      },
      { onTaskEventSend: (ctx) => ctx.complete() },
    );
    const { task: other } = await rig.tasks.create({ agent: "other" });
    await rig.create(other.id);
    await rig.tasks.send(other.id, "end");
    const updates = await followed.promise;
    expect(updates).toEqual((await rig.end(other.id)).slice(1));
  });

  it("is followed until the turn is over, at most", async () => {
    const following = createGate();
    const ended = Promise.withResolvers<unknown>();
    await using rig = await startPair({
      async onTaskEventSend(ctx) {
        const follow = async () => {
          for await (const _ of ctx.tasks.subscribe(ctx.task.id)) void following.pass(ctx);
        };
        void follow().catch(ended.resolve);
        await following.reached;
      },
    });
    await rig.create("go");
    expect(await ended.promise).toMatchObject({ reason: "TURN_OVER" });
  });

  it.each<[string, string, (ctx: TurnContext, ended: string) => Promise<unknown>]>([
    ["made for no agent", "AGENT_NOT_FOUND", (ctx) => ctx.tasks.create({ agent: "nobody" })],
    [
      "made under another agent's name",
      "TASK_NAME_TAKEN",
      (ctx) => ctx.tasks.create({ agent: "rig", name: "taken" }),
    ],
    [
      "made under a name that the turn gave away",
      "TASK_NAME_TAKEN",
      async (ctx) => {
        await ctx.tasks.create({ agent: "other", name: "new" });
        await ctx.tasks.create({ agent: "rig", name: "new" });
      },
    ],
    [
      "made with a name that is too long",
      "VALUE_INVALID",
      (ctx) => ctx.tasks.create({ agent: "rig", name: "x".repeat(257) }),
    ],
    [
      "made with a label that is none",
      "VALUE_INVALID",
      (ctx) => ctx.tasks.create({ agent: "rig", labels: { "": "x" } }),
    ],
    [
      "made with a name that is no text, whatever its labels are",
      "VALUE_INVALID",
      (ctx) => ctx.tasks.create({ agent: "rig", name: JSON.parse("{}"), labels: { name: "x" } }),
    ],
    ["made to end before it begins", "VALUE_INVALID", (ctx) => ctx.tasks.create({ agent: "rig", ttl: 0 })],
    ["made with an empty event", "VALUE_INVALID", (ctx) => ctx.tasks.create({ agent: "rig", event: [] })],
    ["sent to, if there is none", "TASK_NOT_FOUND", (ctx) => ctx.tasks.send(never, "x")],
    ["sent to, if it has ended", "TASK_FINISHED", (ctx, ended) => ctx.tasks.send(ended, "x")],
    [
      "sent what is to be refused later",
      "VALUE_INVALID",
      (ctx) => ctx.tasks.send(ctx.task.id, "x", { onBusy: "reject", deliver: { in: 60_000 } }),
    ],
    ["cancelled, if there is none", "TASK_NOT_FOUND", (ctx) => ctx.tasks.cancel(never)],
    ["cancelled, if it is the turn's own", "VALUE_INVALID", (ctx) => ctx.tasks.cancel(ctx.task.id)],
    ["followed, if there is none", "TASK_NOT_FOUND", (ctx) => collect(ctx.tasks.subscribe(never))],
    [
      "followed past its end",
      "SEQUENCE_OUT_OF_RANGE",
      (ctx) => collect(ctx.tasks.subscribe(ctx.task.id, { afterSequence: 1000 })),
    ],
  ])("cannot be %s", async (_, reason, call) => {
    const thrown = Promise.withResolvers<unknown>();
    await using rig = await startPair({
      async onTaskEventSend(ctx, { text: ended }) {
        await call(ctx, ended).then(thrown.resolve, thrown.resolve);
        ctx.complete();
      },
    });
    await rig.tasks.create({ agent: "other", name: "taken" });
    const { task: other } = await rig.tasks.create({ agent: "other" });
    await rig.tasks.cancel(other.id);
    await rig.until(other.id, isTask(TaskState.CANCELLED));
    await rig.end(await rig.create(other.id));
    expect(await thrown.promise).toMatchObject({ name: "TaskError", reason });
  });
});
