import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";
import { WebhookState } from "../src/proto.ts";
import { createManualClock } from "./manual-clock.ts";
import { tempDir } from "./temp-dir.ts";
import { createWebhookRig, secret, sequencesOf, type WebhookRig } from "./webhooks-outgoing-rig.ts";
import { startReceiver } from "./webhooks-receiver.ts";

describe("a delivery", () => {
  it("is a signed POST of JSON that any Standard Webhooks library verifies", async () => {
    await using receiver = await startReceiver();
    await using rig = await createWebhookRig();
    await rig.start();
    const { id } = await rig.hook(`${receiver.url}in?a=1`);
    await rig.task("t");
    const [one] = await receiver.count(1);
    if (one === undefined) throw new Error("nothing came");
    expect(one.path).toBe("/in?a=1");
    expect(one.headers).toMatchObject({
      "content-type": "application/json",
      "webhook-id": `${id}.t.1`,
      host: `127.0.0.1:${receiver.port}`,
    });
    expect(one.headers["user-agent"]).toMatch(/^pigeonhole/);
    const headers = Object.fromEntries(
      Object.entries(one.headers).map(([key, value]) => [key, String(value)]),
    );
    expect(new Webhook(secret).verify(one.body, headers)).toMatchObject({
      type: "task.updated",
      timestamp: new Date(rig.clock.now()).toISOString(),
      data: { taskId: "t", sequence: "1", task: { id: "t", agent: "a", state: "TASK_STATE_PENDING" } },
    });
    const other = new Webhook(`whsec_${Buffer.alloc(32, 8).toString("base64")}`);
    expect(() => other.verify(one.body, headers)).toThrow();
    expect(() => new Webhook(secret).verify(`${one.body} `, headers)).toThrow();
  });

  it("that is not answered in time has failed, and its connection is closed", async () => {
    await using receiver = await startReceiver(() => undefined);
    await using rig = await createWebhookRig({ timeout: 200 });
    await rig.start();
    const { id } = await rig.hook(receiver.url);
    await rig.task("t");
    const [one] = await receiver.count(1);
    rig.clock.advance(200);
    await one?.closed;
    await rig.clock.armed(1200);
    expect(await rig.get(id)).toMatchObject({ failures: 1, lastError: "timeout" });
  });

  it("whose receiver is not there has failed", async () => {
    const receiver = await startReceiver();
    await receiver[Symbol.asyncDispose]();
    await using rig = await createWebhookRig();
    await rig.start();
    const { id } = await rig.hook(receiver.url);
    await rig.task("t");
    await rig.clock.armed(1000);
    expect(await rig.get(id)).toMatchObject({ failures: 1, lastError: "ECONNREFUSED" });
  });

  it("whose receiver breaks off has failed", async () => {
    await using receiver = await startReceiver(({ response }) => {
      response.destroy();
      return undefined;
    });
    await using rig = await createWebhookRig();
    await rig.start();
    const { id } = await rig.hook(receiver.url);
    await rig.task("t");
    await rig.clock.armed(1000);
    expect(await rig.get(id)).toMatchObject({ failures: 1, lastError: "ECONNRESET" });
  });

  it("that is answered without end is delivered, and the rest of the answer is not read", async () => {
    const elapsed = await deliverTwo((response) => {
      const write = () => {
        while (!response.destroyed && response.write("x".repeat(1000)));
      };
      response.writeHead(200);
      response.on("drain", write).on("error", () => {});
      write();
    });
    expect(elapsed).toBe(0);
  });

  it.each([
    ["is cut short", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nand"],
    ["is no HTTP", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nand"],
  ])("whose answer %s after its status is delivered", async (_, text) => {
    expect(await deliverTwo((response) => response.socket?.end(text))).toBe(0);
  });

  it("whose answer stops after its status is delivered", async () => {
    await deliverTwo(
      (response) => response.writeHead(200).write("and"),
      async ({ clock }) => {
        await clock.armed(750);
        clock.advance(750);
      },
    );
  });
});

/** Delivers two entries of a task, of which the first is answered so, each once and in order. Tells how much time that took. */
async function deliverTwo(
  answer: (response: ServerResponse) => unknown,
  meanwhile: (rig: WebhookRig) => Promise<void> = async () => {},
): Promise<number> {
  await using receiver = await startReceiver(({ response }, index) => {
    if (index > 0) return 204;
    answer(response);
    return undefined;
  });
  await using rig = await createWebhookRig();
  await rig.start();
  await rig.hook(receiver.url);
  await rig.task("t");
  await rig.send("t");
  await meanwhile(rig);
  await receiver.count(2);
  await receiver.received[0]?.closed;
  expect(sequencesOf(receiver.received)).toEqual([1, 2]);
  return rig.clock.elapsed();
}

describe("a restart", () => {
  it.each(["stop", "crash"])(
    "after a %s delivers again the one that was under way, and no other",
    async (end) => {
      const path = join(tempDir(), "store.db");
      const clock = createManualClock();
      await using receiver = await startReceiver((_, index) => (index === 2 ? undefined : 204));
      const before = await createWebhookRig({ path, clock });
      await before.start();
      await before.hook(receiver.url);
      await before.task("t");
      for (let n = 0; n < 4; n++) await before.send("t");
      await receiver.count(3);
      if (end === "stop") await before.stop();
      await before.store.close();
      // Answered too late: nobody is there to take note of it.
      receiver.received[2]?.answer(204);

      await using after = await createWebhookRig({ path, clock });
      await after.start();
      await receiver.count(6);
      await before.stop();
      expect(sequencesOf(receiver.received)).toEqual([1, 2, 3, 3, 4, 5]);
      const [third, again] = receiver.received.slice(2);
      expect(again?.headers["webhook-id"]).toBe(third?.headers["webhook-id"]);
      expect(again?.body).toBe(third?.body);
    },
  );

  it("goes on with the backoff, and with the state of each webhook", async () => {
    const path = join(tempDir(), "store.db");
    const clock = createManualClock();
    await using receiver = await startReceiver(() => 500);
    const before = await createWebhookRig({ path, clock });
    await before.start();
    const { id } = await before.hook(receiver.url);
    const paused = await before.hook(`${receiver.url}paused`);
    await before.store.pauseWebhook({ id: paused.id, now: clock.now() });
    await before.task("t");
    await clock.armed(1000);
    clock.advance(1000);
    await clock.armed(3000);
    await before.stop();
    await before.store.close();

    await using after = await createWebhookRig({ path, clock });
    await after.start();
    expect(await after.get(id)).toMatchObject({ failures: 2, lastError: "500" });
    expect(receiver.received).toHaveLength(2);
    clock.advance(2000);
    await clock.armed(7000);
    expect(await after.get(id)).toMatchObject({ failures: 3 });
    expect((await after.get(paused.id)).state).toBe(WebhookState.PAUSED);
    expect(receiver.received.every((one) => one.path === "/")).toBe(true);
  });
});

describe("where a delivery goes", () => {
  it("is the address that was checked, under the name of the URL, which is resolved once", async () => {
    const asked: string[] = [];
    await using receiver = await startReceiver();
    await using rig = await createWebhookRig({
      async resolve(name) {
        asked.push(name);
        return ["127.0.0.1"];
      },
    });
    await rig.start();
    // A name that nobody but the resolver above knows (RFC 6761).
    await rig.hook(`http://receiver.invalid:${receiver.port}/`);
    await rig.task("t");
    const [one] = await receiver.count(1);
    expect(one?.headers.host).toBe(`receiver.invalid:${receiver.port}`);
    expect(asked).toEqual(["receiver.invalid"]);
  });

  it("is checked before every attempt: a name of which one address is inside is not called", async () => {
    await using receiver = await startReceiver();
    await using rig = await createWebhookRig({
      allowPrivateAddresses: false,
      resolve: async () => ["127.0.0.1", "8.8.8.8"],
    });
    await rig.start();
    const { id } = await rig.hook(`https://rebound.invalid:${receiver.port}/`);
    await rig.task("t");
    await rig.clock.armed(1000);
    const { lastError } = await rig.get(id);
    expect(lastError).toMatch(/^URL_FORBIDDEN: /);
    expect(lastError).not.toContain("127.0.0.1");
    expect(receiver.received).toEqual([]);
    expect(rig.logged).toEqual([]);
  });

  it("is looked up again with the next attempt when its name could not be looked up", async () => {
    await using receiver = await startReceiver();
    let asked = 0;
    await using rig = await createWebhookRig({
      async resolve() {
        asked += 1;
        if (asked === 1) throw Object.assign(new Error("no answer"), { code: "EAI_AGAIN" });
        return ["127.0.0.1"];
      },
    });
    await rig.start();
    const { id } = await rig.hook(`http://receiver.invalid:${receiver.port}/`);
    await rig.task("t");
    await rig.clock.armed(1000);
    expect(await rig.get(id)).toMatchObject({
      failures: 1,
      lastError: expect.stringMatching(/^HOST_UNRESOLVED: .*EAI_AGAIN/),
      state: WebhookState.ACTIVE,
    });
    rig.clock.advance(1000);
    await receiver.count(1);
    expect(rig.logged).toEqual([]);
  });

  it("waits no longer for a name than for an answer", async () => {
    await using rig = await createWebhookRig({ timeout: 200, resolve: () => new Promise(() => {}) });
    await rig.start();
    const { id } = await rig.hook("http://slow.invalid/");
    await rig.task("t");
    await rig.clock.armed(200);
    rig.clock.advance(200);
    await rig.clock.armed(1200);
    expect(await rig.get(id)).toMatchObject({ failures: 1, lastError: "timeout" });
  });
});
