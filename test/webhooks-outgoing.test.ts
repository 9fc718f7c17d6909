import { describe, expect, it } from "vitest";
import { WebhookState } from "../src/proto.ts";
import { createManualClock } from "./manual-clock.ts";
import { createWebhookRig, sequencesOf } from "./webhooks-outgoing-rig.ts";
import { startReceiver } from "./webhooks-receiver.ts";

describe("deliveries", () => {
  it("come in the order of the task's log, one at a time", async () => {
    await using receiver = await startReceiver();
    await using rig = await createWebhookRig();
    await rig.task("t");
    for (let n = 0; n < 20; n++) await rig.send("t");
    await rig.start();
    await rig.hook(receiver.url, { source: { taskId: "t" } });
    await receiver.count(21);
    for (let n = 0; n < 20; n++) await rig.send("t");
    await receiver.count(41);
    expect(sequencesOf(receiver.received)).toEqual(Array.from({ length: 41 }, (_, index) => index + 1));
    expect(receiver.most.ofOneTask).toBe(1);
  });

  it("of several tasks go side by side, up to eight of one webhook", async () => {
    await using receiver = await startReceiver(() => undefined);
    await using rig = await createWebhookRig();
    await rig.hook(receiver.url);
    for (let n = 0; n < 20; n++) await rig.task(`t${n}`);
    await rig.start();
    for (let n = 1; n <= 20; n++) {
      await receiver.count(Math.min(20, n + 7));
      receiver.received[n - 1]?.answer(200);
    }
    expect(new Set(receiver.received.map(({ json }) => json.data.taskId)).size).toBe(20);
    expect(receiver.most).toEqual({ ofOneTask: 1, ofAll: 8 });
  });

  it("are of the agent's tasks alone, for each agent", async () => {
    await using receiver = await startReceiver();
    await using rig = await createWebhookRig();
    await rig.start();
    await rig.hook(`${receiver.url}a`, { source: { agent: "a" } });
    await rig.hook(`${receiver.url}b`, { source: { agent: "b" } });
    for (const agent of ["a", "b", "c"]) await rig.task(`of ${agent}`, agent);
    for (const agent of ["c", "b", "a"]) await rig.send(`of ${agent}`);
    await receiver.count(4);
    const seen = receiver.received.map(
      ({ path, json }) => `${path} ${json.data.taskId} ${json.data.sequence}`,
    );
    expect(seen.sort()).toEqual(["/a of a 1", "/a of a 2", "/b of b 1", "/b of b 2"]);
  });

  it("of what came while nobody delivered begin with the start, however much it is", async () => {
    await using receiver = await startReceiver();
    await using rig = await createWebhookRig();
    for (let n = 0; n < 70; n++) await rig.hook(`${receiver.url}${n}`, { kinds: ["task"] });
    for (let n = 0; n < 20; n++) await rig.task(`t${n}`);
    expect(receiver.received).toEqual([]);
    await rig.start();
    await receiver.count(70 * 20);
    const seen = new Set(receiver.received.map(({ path, json }) => `${path} ${json.data.taskId}`));
    expect(seen.size).toBe(70 * 20);
    expect(receiver.most.ofAll).toBeLessThanOrEqual(64);
  });

  it("stop when the webhook is deleted, also while one is under way", async () => {
    await using receiver = await startReceiver(({ path }) => (path === "/gone" ? undefined : 204));
    await using rig = await createWebhookRig();
    await rig.start();
    const { id } = await rig.hook(`${receiver.url}gone`);
    await rig.hook(`${receiver.url}other`);
    await rig.task("t");
    await rig.send("t");
    await receiver.count(3);
    await rig.store.deleteWebhook(id);
    receiver.received.find(({ path }) => path === "/gone")?.answer(204);
    await rig.send("t");
    await receiver.count(4);
    await rig.stop();
    expect(receiver.received.filter(({ path }) => path === "/gone")).toHaveLength(1);
  });

  it("wait while the webhook is paused, and go on after the last when it is resumed", async () => {
    await using receiver = await startReceiver();
    await using rig = await createWebhookRig();
    await rig.start();
    const { id } = await rig.hook(receiver.url);
    await rig.task("t");
    await receiver.count(1);
    await rig.store.pauseWebhook({ id, now: rig.clock.now() });
    await rig.send("t");
    await rig.send("t");
    await rig.hook(`${receiver.url}other`);
    await rig.send("t");
    await receiver.count(2);
    await rig.store.resumeWebhook({ id, now: rig.clock.now() });
    rig.wake();
    await receiver.count(5);
    expect(sequencesOf(receiver.received.filter(({ path }) => path === "/"))).toEqual([1, 2, 3, 4]);
  });
});

describe("a receiver that fails", () => {
  it("is tried again with the same delivery, after twice as long each time", async () => {
    await using receiver = await startReceiver((_, index) => (index < 4 ? 503 : 200));
    await using rig = await createWebhookRig();
    await rig.start();
    const { id } = await rig.hook(receiver.url);
    await rig.task("t");
    await rig.send("t");
    for (const [attempt, time] of [1000, 3000, 7000, 15_000].entries()) {
      await receiver.count(attempt + 1);
      await rig.clock.armed(time);
      expect(await rig.get(id)).toMatchObject({
        failures: attempt + 1,
        lastError: "503",
        retryTime: rig.clock.now() + time - rig.clock.elapsed(),
      });
      rig.clock.advance(time - rig.clock.elapsed());
    }
    await receiver.count(6);
    const { received } = receiver;
    expect(sequencesOf(received)).toEqual([1, 1, 1, 1, 1, 2]);
    expect(new Set(received.map(({ headers }) => headers["webhook-id"]))).toEqual(
      new Set([`${id}.t.1`, `${id}.t.2`]),
    );
    expect(new Set(received.slice(0, 5).map(({ body }) => body)).size).toBe(1);
    const seconds = received.map(({ headers }) => Number(headers["webhook-timestamp"]));
    expect(seconds.map((second) => second - (seconds[0] ?? 0))).toEqual([0, 1, 3, 7, 15, 15]);
    await rig.stop();
    const webhook = await rig.get(id);
    expect(webhook).toMatchObject({ failures: 0 });
    expect(webhook).not.toHaveProperty("lastError");
  });

  it.each([
    ["seconds", () => "120", 120_000],
    ["a date", (beginning: number) => new Date(beginning + 90_000).toUTCString(), 90_000],
    ["longer than an hour", () => "86400", 3_600_000],
    ["nothing that can be read", () => "soon", 1000],
    ["less than the backoff", () => "0", 1000],
  ])("is left alone for as long as its Retry-After says: %s", async (_, header, wait) => {
    const beginning = 1_800_000_000_000;
    await using receiver = await startReceiver((received) => {
      received.answer(429, { "retry-after": header(beginning) });
      return undefined;
    });

    await using rig = await createWebhookRig({ clock: createManualClock(new Date(beginning).toISOString()) });
    await rig.start();
    const { id } = await rig.hook(receiver.url);
    await rig.task("t");
    await receiver.count(1);
    // Looked at once a minute at the least, in case the clock is set.
    await rig.clock.armed(Math.min(wait, 60_000));
    expect(await rig.get(id)).toMatchObject({ lastError: "429", retryTime: beginning + wait });
  });

  it("is dead after three days, and never waits longer than an hour", async () => {
    await using receiver = await startReceiver(() => 500);
    await using rig = await createWebhookRig();
    await rig.start();
    const { id } = await rig.hook(receiver.url);
    await rig.task("t");
    await rig.send("t");
    const times: number[] = [];
    for (let wait = 1000, attempts = 1; ; attempts++) {
      await receiver.count(attempts);
      times.push(rig.clock.elapsed());
      if (rig.clock.elapsed() >= 3 * 86_400_000) break;
      await rig.clock.armed(rig.clock.elapsed() + Math.min(wait, 60_000));
      rig.clock.advance(wait);
      wait = Math.min(wait * 2, 3_600_000);
    }
    await rig.warned;
    expect(await rig.get(id)).toMatchObject({ state: WebhookState.DEAD, failures: times.length });
    expect(rig.logged).toMatchObject([
      { level: "warn", message: "a webhook is dead", fields: { webhookId: id, error: "500" } },
    ]);
    expect(new Set(sequencesOf(receiver.received))).toEqual(new Set([1]));
    expect(times.length).toBeGreaterThan(72);
  });

  it("that answers 410 is dead at once, and tried again when it is resumed", async () => {
    await using receiver = await startReceiver((_, index) => (index === 0 ? 410 : 204));
    await using rig = await createWebhookRig();
    await rig.start();
    const { id } = await rig.hook(receiver.url);
    await rig.task("t");
    await receiver.count(1);
    // The clock is not moved: only the wait for the settlement of the attempt lies between.
    await using other = await startReceiver();
    await rig.hook(other.url);
    await rig.send("t");
    await other.count(1);
    expect(await rig.get(id)).toMatchObject({ state: WebhookState.DEAD, lastError: "410" });
    await rig.store.resumeWebhook({ id, now: rig.clock.now() });
    rig.wake();
    await receiver.count(3);
    expect(sequencesOf(receiver.received)).toEqual([1, 1, 2]);
  });

  it("fails with a redirect, which is not followed", async () => {
    await using target = await startReceiver();
    await using receiver = await startReceiver((received) => {
      received.answer(307, { location: target.url });
      return undefined;
    });
    await using rig = await createWebhookRig();
    await rig.start();
    const { id } = await rig.hook(receiver.url);
    await rig.task("t");
    await rig.clock.armed(1000);
    expect(await rig.get(id)).toMatchObject({ lastError: "307", failures: 1 });
    expect(target.received).toEqual([]);
  });

  it("has one attempt at a time, less and less often, however many tasks it follows", async () => {
    const times: number[] = [];
    await using rig = await createWebhookRig();
    await using receiver = await startReceiver(() => {
      times.push(rig.clock.elapsed());
      return 500;
    });
    const { id } = await rig.hook(receiver.url);
    for (let n = 0; n < 100; n++) await rig.task(`t${n}`);
    await rig.start();
    // Those that were under way before the first failure, and one more.
    await receiver.count(9);
    for (const [index, time] of [1000, 3000, 7000, 15_000].entries()) {
      await rig.clock.armed(time);
      rig.clock.advance(time - rig.clock.elapsed());
      await receiver.count(10 + index);
    }
    await rig.stop();
    expect(times).toEqual([...Array(9).fill(0), 1000, 3000, 7000, 15_000]);
    // The last one is broken off if it is not settled yet.
    expect((await rig.get(id)).failures).toBeGreaterThanOrEqual(12);
  });

  it("for one task holds up no other", async () => {
    await using receiver = await startReceiver(({ json }) => (json.data.taskId === "bad" ? 422 : 200));
    await using rig = await createWebhookRig();
    await rig.start();
    await rig.hook(receiver.url);
    await rig.task("bad");
    await rig.task("good");
    for (let n = 0; n < 10; n++) await rig.send("good");
    await receiver.count(12);
    expect(sequencesOf(receiver.received.filter(({ json }) => json.data.taskId === "good"))).toEqual(
      Array.from({ length: 11 }, (_, index) => index + 1),
    );
    expect(rig.clock.elapsed()).toBe(0);
  });

  it("for one task again and again holds up no other that comes later", async () => {
    await using receiver = await startReceiver(({ json }) => (json.data.taskId === "bad" ? 422 : 200));
    await using rig = await createWebhookRig();
    await rig.start();
    await rig.hook(receiver.url);
    await rig.task("bad");
    for (const time of [1000, 3000, 7000, 15_000]) {
      await rig.clock.armed(time);
      rig.clock.advance(time - rig.clock.elapsed());
    }
    await rig.clock.armed(31_000);
    await rig.task("good");
    await receiver.count(6);
    expect(receiver.received.at(-1)?.json.data.taskId).toBe("good");
    expect(rig.clock.elapsed()).toBe(15_000);
  });

  it("delays no other webhook, nor does one that hangs", async () => {
    await using hanging = await startReceiver(() => undefined);
    await using failing = await startReceiver(() => 500);
    await using good = await startReceiver();
    await using rig = await createWebhookRig();
    for (let n = 0; n < 20; n++) await rig.hook(`${hanging.url}${n}`);
    for (let n = 0; n < 20; n++) await rig.hook(`${failing.url}${n}`);
    for (let n = 0; n < 30; n++) await rig.task(`t${n}`);
    await rig.start();
    await hanging.count(20);
    const { id } = await rig.hook(good.url);
    for (let n = 0; n < 30; n++) await rig.send(`t${n}`);
    await good.count(30);
    expect(rig.clock.elapsed()).toBe(0);
    expect((await rig.get(id)).failures).toBe(0);
  });
});
