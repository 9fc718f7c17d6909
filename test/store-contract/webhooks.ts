import { expect, it } from "vitest";
import { WebhookState } from "../../src/proto.ts";
import type { Millis } from "../../src/server/store/records.ts";
import type {
  CreateWebhook,
  Delivery,
  DeliveryOutcome,
  WebhookEntryKind,
  WebhookRecord,
} from "../../src/server/store/webhook-records.ts";
import { at, bytes, reasonOf, type Scene, show } from "./scene.ts";

const allKinds: WebhookEntryKind[] = ["task", "event", "message", "superseded"];
const day: Millis = 86_400_000;

/** What a failed attempt is recorded as, unless the test says other. */
const failed = {
  kind: "failed" as const,
  error: "503",
  retryTime: at(1000),
  rounds: 0,
  deadAfter: 3 * day,
  idleAfter: day,
} satisfies DeliveryOutcome;

/** A scene with webhooks. They are those of the scene's agent or task, in a store that has others, too. */
function webhooksOf(scene: Scene) {
  const { store, agent, id } = scene;
  const taskId = id("task");
  const made = new Set<string>();
  const key = (name: string, task = taskId) => ({ webhookId: id(name), taskId: task });
  return {
    ...scene,
    key,
    hook(name: string, args: Partial<CreateWebhook> = {}): Promise<WebhookRecord> {
      made.add(id(name));
      return store.createWebhook({
        id: id(name),
        url: "https://example.com/",
        source: { agent },
        kinds: allKinds,
        secret: "whsec_x",
        maxWebhooks: 10_000,
        now: at(0),
        ...args,
      });
    },
    /** What is due of the webhooks that this scene has made. */
    async due(now: Millis, except: string[] = []): Promise<Record<string, string[]>> {
      const bounds = { maxWebhooks: 10_000, maxTasks: 100 };
      const { due } = await store.dueDeliveries({ now, except, ...bounds });
      const own = due.filter(({ webhookId }) => made.has(webhookId));
      return Object.fromEntries(own.map(({ webhookId, taskIds }) => [webhookId, taskIds]));
    },
    next: (name: string, now = at(1000 * day)) => store.nextDelivery({ ...key(name), now }),
    settle: (name: string, sequence: number, outcome: DeliveryOutcome, now = at(0)) =>
      store.settleDelivery({ ...key(name), sequence, outcome, now }),
    /** Delivers all there is of a task. Returns what was posted. */
    async drain(name: string, task = taskId): Promise<Delivery[]> {
      const delivered: Delivery[] = [];
      for (;;) {
        const delivery = await store.nextDelivery({ ...key(name, task), now: at(1000 * day) });
        if (delivery === undefined) return delivered;
        const { sequence, entry } = delivery;
        if (entry !== undefined) delivered.push(delivery);
        await store.settleDelivery({
          ...key(name, task),
          sequence,
          outcome: { kind: "delivered" },
          now: at(0),
        });
      }
    },
  };
}

export function describeWebhooks(scene: () => Scene): void {
  const open = () => webhooksOf(scene());

  it("posts a task's log from its first entry, in order, without deltas, a message when it is done", async () => {
    const { activate, send, turn, append, commit, log, hook, drain, id } = open();
    await activate();
    await send("e");
    const { turn: number } = await turn();
    await append(number, [show.whole(id("m1")), show.begin(id("m2")), show.delta(id("m2"), "he")]);
    await hook("w", { source: { taskId: id("task") } });
    await commit(number, { output: [show.delta(id("m2"), "llo"), show.end(id("m2"), "hello")] });
    const posted = await drain("w");
    const entries = posted.map(({ entry }) => entry);
    const wanted = (await log()).filter(
      (entry) => entry.kind !== "delta" && !(entry.kind === "message" && entry.message.state === 1),
    );
    expect(posted.map(({ sequence }) => sequence)).toEqual(wanted.map(({ sequence }) => sequence));
    const messages = entries.flatMap((entry) => (entry?.kind === "message" ? [entry.message] : []));
    expect(messages).toMatchObject([
      { id: id("m1"), content: bytes("whole") },
      { id: id("m2"), content: bytes("hello") },
    ]);
    expect(entries.filter((entry) => entry?.kind !== "message")).toEqual(
      wanted.filter(({ kind }) => kind !== "message"),
    );
  });

  it("posts all tasks of an agent from the first entry after the webhook was made", async () => {
    const { create, activate, send, task, hook, due, drain, id } = open();
    await activate();
    await send("before");
    await create({ taskId: id("idle") });
    const { sequence } = await task();
    await hook("w");
    expect(await due(at(0))).toEqual({});
    await send("after");
    await create({ taskId: id("later") });
    expect(await due(at(0))).toEqual({ [id("w")]: [id("later"), id("task")] });
    expect((await drain("w")).map((delivery) => delivery.sequence)).toEqual([sequence + 1]);
    expect((await drain("w", id("later"))).map((delivery) => delivery.sequence)).toEqual([1]);
    expect(await due(at(0))).toEqual({});
  });

  it("posts only the kinds that were asked for, and is not due for others", async () => {
    const { activate, send, turn, append, fail, hook, due, drain, id } = open();
    await hook("s", { kinds: ["superseded"] });
    await hook("m", { kinds: ["message"] });
    await activate();
    await send("e");
    const { turn: number } = await turn();
    expect(await due(at(0))).toEqual({});
    await append(number, [show.begin(id("m1"))]);
    expect(await due(at(0))).toEqual({});
    await append(number, [show.delta(id("m1"), "x"), show.end(id("m1"), "x")]);
    expect(await due(at(0))).toEqual({ [id("m")]: [id("task")] });
    await fail(number, { retryTime: at(5) });
    const [message] = await drain("m");
    // It is void by now, which the other webhook tells.
    expect(message?.entry).toMatchObject({ message: { id: id("m1"), state: 2, content: bytes("x") } });
    const [superseded] = await drain("s");
    expect(superseded?.entry).toMatchObject({ superseded: { messageIds: [id("m1")] } });
  });

  it("moves a cursor only by what was delivered, never back", async () => {
    const { create, send, hook, next, settle, id } = open();
    await create();
    await send("e");
    await hook("w", { source: { taskId: id("task") } });
    expect(await next("w")).toMatchObject({ sequence: 1, failures: 0, rounds: 0 });
    await settle("w", 1, failed);
    expect(await next("w")).toMatchObject({ sequence: 1, failures: 1, rounds: 0 });
    await settle("w", 1, { kind: "delivered" });
    expect(await next("w")).toMatchObject({ sequence: 2, failures: 0, rounds: 0 });
    await settle("w", 2, { kind: "delivered" });
    await settle("w", 1, { kind: "delivered" });
    expect(await next("w")).toBeUndefined();
  });

  it("an entry that comes while the last one is under way is not lost", async () => {
    const { create, send, hook, due, next, settle, id } = open();
    await create();
    await hook("w", { source: { taskId: id("task") } });
    await send("e");
    await settle("w", 1, { kind: "delivered" });
    expect(await due(at(0))).toEqual({ [id("w")]: [id("task")] });
    expect(await next("w")).toMatchObject({ sequence: 2 });
  });

  it("what failed is due again at its time, and holds up no other task", async () => {
    const { create, hook, due, next, settle, store, id } = open();
    await hook("w");
    await create();
    await create({ taskId: id("other") });
    await settle("w", 1, { ...failed, retryTime: at(1000) });
    expect(await due(at(999))).toEqual({ [id("w")]: [id("other")] });
    expect(await next("w", at(999))).toBeUndefined();
    expect(await next("w", at(1000))).toMatchObject({ sequence: 1 });
    expect(await due(at(1000))).toEqual({ [id("w")]: [id("other"), id("task")] });
    expect(await due(at(1000), [id("w")])).toEqual({});
    expect(await store.getWebhook(id("w"))).toMatchObject({
      failures: 1,
      lastError: "503",
      retryTime: at(1000),
    });
  });

  it("a webhook that is left alone is not due before its time, whatever comes", async () => {
    const { create, send, hook, due, next, settle, store, id } = open();
    await hook("w");
    await create();
    await settle("w", 1, { ...failed, retryTime: at(1000), resumeTime: at(5000) });
    await settle("w", 1, { ...failed, retryTime: at(1000), resumeTime: at(2000) });
    await send("e", { now: at(3000) });
    await create({ taskId: id("other"), now: at(3000) });
    expect(await due(at(4999))).toEqual({});
    expect(await next("w", at(4999))).toBeUndefined();
    expect(await due(at(5000))).toEqual({ [id("w")]: [id("task"), id("other")] });
    expect(await store.getWebhook(id("w"))).toMatchObject({ failures: 2, retryTime: at(5000) });
    const { nextTime } = await store.dueDeliveries({
      now: at(4999),
      except: [],
      maxWebhooks: 1,
      maxTasks: 1,
    });
    expect(nextTime).toBeLessThanOrEqual(at(5000));
  });

  it("attempts that fail side by side are one round, and those of one task alone are none", async () => {
    const { create, hook, next, settle, store, key, id } = open();
    await hook("w");
    await create();
    await create({ taskId: id("other") });
    for (const failures of [1, 2]) {
      await settle("w", 1, failed);
      expect(await next("w")).toMatchObject({ failures, rounds: 0 });
    }
    await store.settleDelivery({ ...key("w", id("other")), sequence: 1, outcome: failed, now: at(0) });
    expect(await next("w")).toMatchObject({ failures: 2, rounds: 1 });
    await settle("w", 1, { ...failed, rounds: 1 });
    expect(await next("w")).toMatchObject({ failures: 3, rounds: 2 });
  });

  it("a success forgets the failures", async () => {
    const { create, send, hook, settle, store, id } = open();
    await hook("w");
    await create();
    await send("e");
    await settle("w", 1, { ...failed, resumeTime: at(500) });
    expect(await settle("w", 1, { kind: "delivered" }, at(1000))).toBe(WebhookState.ACTIVE);
    const webhook = await store.getWebhook(id("w"));
    expect(webhook).toMatchObject({ failures: 0, deliveryTime: at(1000) });
    expect(webhook).not.toHaveProperty("lastError");
    expect(webhook).not.toHaveProperty("retryTime");
  });

  it("is dead when it has failed for long enough, goes on where it was when it is resumed, and lives as long again", async () => {
    const { create, send, hook, due, next, settle, store, id } = open();
    await hook("w");
    await create();
    for (const time of [0, day, 2 * day, 3 * day - 1]) {
      expect(await settle("w", 1, failed, at(time))).toBe(WebhookState.ACTIVE);
    }
    expect(await settle("w", 1, failed, at(3 * day))).toBe(WebhookState.DEAD);
    await send("e");
    expect(await due(at(9 * day))).toEqual({});
    expect(await next("w")).toBeUndefined();
    expect(await store.getWebhook(id("w"))).not.toHaveProperty("retryTime");

    expect(await store.resumeWebhook({ id: id("w"), now: at(4 * day) })).toMatchObject({
      state: WebhookState.ACTIVE,
      failures: 5,
      lastError: "503",
    });
    expect(await due(at(4 * day))).toEqual({ [id("w")]: [id("task")] });
    expect(await next("w")).toMatchObject({ sequence: 1, failures: 0, rounds: 0 });
    for (const time of [4 * day, 5 * day, 6 * day, 7 * day - 1]) {
      expect(await settle("w", 1, failed, at(time))).toBe(WebhookState.ACTIVE);
    }
    expect(await settle("w", 1, failed, at(7 * day))).toBe(WebhookState.DEAD);
  });

  it("days without an attempt do not count for how long it has failed", async () => {
    const { activate, create, send, finish, hook, due, settle, store, id } = open();
    await hook("w");
    await activate();
    await settle("w", 1, failed, at(0));
    await send("e");
    await finish({ kind: "complete" });
    await store.deleteTask({ taskId: id("task"), now: at(1) });
    expect(await due(at(5 * day))).toEqual({});
    await create({ taskId: id("later"), now: at(5 * day) });
    const fail = (time: Millis) =>
      store.settleDelivery({
        webhookId: id("w"),
        taskId: id("later"),
        sequence: 1,
        outcome: failed,
        now: at(time),
      });
    for (const time of [5 * day, 6 * day, 7 * day, 8 * day - 1]) {
      expect(await fail(time)).toBe(WebhookState.ACTIVE);
    }
    // Nobody was there to try for longer than a day.
    expect(await fail(9 * day)).toBe(WebhookState.ACTIVE);
    for (const time of [10 * day, 11 * day]) expect(await fail(time)).toBe(WebhookState.ACTIVE);
    expect(await fail(12 * day)).toBe(WebhookState.DEAD);
  });

  it("nothing of a paused webhook is due, and nothing is lost of it", async () => {
    const { create, send, hook, due, settle, drain, store, id } = open();
    await create();
    await hook("w", { source: { taskId: id("task") } });
    const pause = () => store.pauseWebhook({ id: id("w"), now: at(1) });
    expect(await pause()).toMatchObject({ state: WebhookState.PAUSED });
    expect(await pause()).toEqual(await store.getWebhook(id("w")));
    await send("e");
    expect(await due(at(9))).toEqual({});
    // The attempt that was under way.
    expect(await settle("w", 1, { ...failed, deadAfter: 0 })).toBe(WebhookState.PAUSED);
    expect(await settle("w", 1, { kind: "delivered" })).toBe(WebhookState.PAUSED);
    await store.resumeWebhook({ id: id("w"), now: at(9) });
    expect(await due(at(9))).toEqual({ [id("w")]: [id("task")] });
    expect((await drain("w")).map(({ sequence }) => sequence)).toEqual([2]);
  });

  it("resuming one that is active makes due what waits for its next attempt", async () => {
    const { create, hook, due, settle, store, id } = open();
    await hook("w");
    await create();
    await settle("w", 1, { ...failed, retryTime: at(day), resumeTime: at(day) });
    expect(await due(at(5))).toEqual({});
    await store.resumeWebhook({ id: id("w"), now: at(5) });
    expect(await due(at(5))).toEqual({ [id("w")]: [id("task")] });
  });

  it("resuming makes due what was written while the clock was ahead", async () => {
    const { create, send, hook, due, next, store, id } = open();
    await hook("w");
    await create({ now: at(9 * day) });
    await send("e", { now: at(4) });
    expect(await due(at(5))).toEqual({});
    await store.resumeWebhook({ id: id("w"), now: at(5) });
    expect(await due(at(5))).toEqual({ [id("w")]: [id("task")] });
    expect(await next("w", at(5))).toMatchObject({ sequence: 1 });
  });

  it("a webhook that is deleted is gone, with what it had not posted", async () => {
    const { create, send, hook, due, next, settle, store, id } = open();
    await hook("w");
    await create();
    await store.deleteWebhook(id("w"));
    await send("e");
    expect(await store.getWebhook(id("w"))).toBeUndefined();
    expect(await due(at(0))).toEqual({});
    expect(await next("w")).toBeUndefined();
    expect(await settle("w", 1, { kind: "delivered" })).toBeUndefined();
    for (const call of [
      store.deleteWebhook(id("w")),
      store.pauseWebhook({ id: id("w"), now: at(0) }),
      store.resumeWebhook({ id: id("w"), now: at(0) }),
    ]) {
      expect(await reasonOf(call)).toBe("WEBHOOK_NOT_FOUND");
    }
    // Its id, used again, is another webhook.
    await hook("w");
    expect(await due(at(0))).toEqual({});
  });

  it("with a task go its webhooks, and what others had not posted of it", async () => {
    const { create, activate, send, finish, hook, due, next, settle, store, id } = open();
    await hook("all");
    await activate();
    await hook("one", { source: { taskId: id("task") } });
    await create({ taskId: id("other") });
    await store.settleDelivery({
      webhookId: id("all"),
      taskId: id("other"),
      sequence: 1,
      outcome: { ...failed, retryTime: at(500) },
      now: at(0),
    });
    await send("e");
    await finish({ kind: "complete" });
    await store.deleteTask({ taskId: id("task"), now: at(1) });
    expect(await store.getWebhook(id("one"))).toBeUndefined();
    expect(await next("all")).toBeUndefined();
    expect(await settle("all", 1, { kind: "delivered" })).toBe(WebhookState.ACTIVE);
    expect(await due(at(499))).toEqual({});
    expect(await due(at(500))).toEqual({ [id("all")]: [id("other")] });
  });

  it("those who have not had a turn for longest come first, and no more than were asked for", async () => {
    const { create, hook, store, settle, id } = open();
    for (const name of ["a", "b", "c"]) await hook(name);
    await create();
    for (const name of ["x", "y", "z"]) await create({ taskId: id(name), now: at(1) });
    await settle("a", 1, { ...failed, retryTime: at(0) }, at(7));
    const { due, any } = await store.dueDeliveries({
      now: at(1),
      except: [],
      maxWebhooks: 10_000,
      maxTasks: 2,
    });
    const own = due.filter(({ webhookId }) => ["a", "b", "c"].map(id).includes(webhookId));
    expect(own).toEqual([
      { webhookId: id("b"), failing: false, taskIds: [id("task"), id("x")] },
      { webhookId: id("c"), failing: false, taskIds: [id("task"), id("x")] },
      { webhookId: id("a"), failing: true, taskIds: [id("task"), id("x")] },
    ]);
    expect(any).toBe(true);
    const few = await store.dueDeliveries({ now: at(1), except: [], maxWebhooks: 1, maxTasks: 1 });
    expect(few.due).toMatchObject([{ taskIds: [expect.any(String)] }]);
  });

  it("lists webhooks by agent and by task, oldest first, in pages", async () => {
    const { create, hook, store, agent, id } = open();
    await create();
    const source = { taskId: id("task") };
    const first = await hook("b", { now: at(1) });
    const second = await hook("a", { now: at(2), kinds: ["message"] });
    const third = await hook("c", { now: at(2) });
    const ofTask = await hook("d", { source });
    expect(first).toEqual({
      id: id("b"),
      url: "https://example.com/",
      source: { agent },
      kinds: allKinds,
      state: WebhookState.ACTIVE,
      failures: 0,
      createTime: at(1),
    });
    expect(await store.listWebhooks({ agent, limit: 2 })).toEqual({ items: [first, second], more: true });
    const after = { createTime: second.createTime, id: second.id };
    expect(await store.listWebhooks({ agent, limit: 2, after })).toEqual({ items: [third], more: false });
    expect(await store.listWebhooks({ ...source, limit: 9 })).toEqual({ items: [ofTask], more: false });
    expect(await store.listWebhooks({ agent, ...source, limit: 9 })).toEqual({ items: [], more: false });
  });

  it("refuses a webhook of a task that is not there, and one too many", async () => {
    const { hook, id } = open();
    expect(await reasonOf(hook("w", { source: { taskId: id("nowhere") } }))).toBe("TASK_NOT_FOUND");
    await hook("w");
    expect(await reasonOf(hook("x", { maxWebhooks: 1 }))).toBe("LIMIT_REACHED");
  });
}
