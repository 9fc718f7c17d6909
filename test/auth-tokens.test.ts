import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createClient, Role, TaskPermission } from "../src/client/index.ts";
import { tokenStaleness } from "../src/server/auth/token-table.ts";
import { defineAgent, serve } from "../src/server/index.ts";
import { type AuthRig, all, outcome, startAuthRig } from "./auth-rig.ts";
import { createManualClock, type ManualClock } from "./manual-clock.ts";
import { tempDir } from "./temp-dir.ts";

let rig: AuthRig;
let clock: ManualClock;
beforeAll(async () => {
  clock = createManualClock();
  rig = await startAuthRig({ clock });
});
afterAll(() => rig[Symbol.asyncDispose]());

const { SUBSCRIBE, SEND } = TaskPermission;

describe("a token", () => {
  it("is told once, is good at once, and is kept as a digest", async () => {
    const { token, secret } = await rig.as.ops.tokens.create({ principal: "carol", description: "laptop" });
    expect(secret).toMatch(/^pgh_[\w-]{43}$/);
    expect((await rig.with(secret).tasks.create({ agent: "clerk" })).task.owner).toBe("carol");
    const listed = await all(rig.as.ops.tokens.list({ principal: "carol" }));
    expect(listed).toMatchObject([{ id: token.id, role: Role.CLIENT, description: "laptop" }]);
    expect(JSON.stringify(listed, (_, value) => String(value))).not.toContain(secret);
    expect(await outcome(rig.as.ops.tokens.revoke("nothing"))).toBe("TOKEN_NOT_FOUND");
  });

  it("ends when its time has passed", async () => {
    const { secret } = await rig.as.ops.tokens.create({ principal: "carol", ttl: 60_000 });
    const carol = rig.with(secret);
    expect(await outcome(all(carol.tasks.list()))).toBe("ok");
    clock.advance(60_000);
    expect(await outcome(all(carol.tasks.list()))).toBe("CREDENTIALS_EXPIRED");
  });

  it("that is revoked fails the next call, and ends its subscriptions and the task tokens made with it", async () => {
    const { token, secret } = await rig.as.ops.tokens.create({ principal: "carol" });
    const carol = rig.with(secret);
    const { task } = await carol.tasks.create({ agent: "clerk" });
    const { token: given } = await carol.tasks.createToken(task.id, { permissions: [SUBSCRIBE] });
    const live = [secret, given].map((shown) => follow(shown, task.id));
    for (const { begun } of live) await begun;
    await rig.as.ops.tokens.revoke(token.id);
    for (const { end } of live) expect(await end).toBe("CREDENTIALS_INVALID");
    expect(await outcome(all(carol.tasks.list()))).toBe("CREDENTIALS_INVALID");
    expect(await outcome(rig.with(given).tasks.get(task.id))).toBe("CREDENTIALS_INVALID");
  });

  it("that another process has revoked is good for 10 seconds at most", async () => {
    const { createTokenTable } = await import("../src/server/auth/token-table.ts");
    const { openSqliteStore } = await import("../src/server/store/sqlite/sqlite-store.ts");
    const store = await openSqliteStore(":memory:");
    const log = { info() {}, warn() {}, error() {} };
    const manual = createManualClock();
    const table = createTokenTable({ store, clock: manual, log });
    const createTime = manual.now();
    const token = { id: "t", digest: "d", principal: "p", role: "client", createTime } as const;
    await store.createToken({ token, maxTokens: 1 });
    await table.start();
    expect(table.find("d")?.id).toBe("t");
    await store.revokeToken("t");
    expect(table.has("t")).toBe(true);
    const changed = new Promise<void>((resolve) => table.watch(resolve));
    manual.advance(tokenStaleness);
    await changed;
    expect(table.has("t")).toBe(false);
    table.stop();
    await store.close();
  });
});

describe("a token for one task", () => {
  it("reads and follows, or sends, as it says, for as long as it says", async () => {
    const { alice, ops } = rig.as;
    const { task } = await alice.tasks.create({ agent: "clerk", name: "mine" });
    const made = await alice.tasks.createToken(task.id, { permissions: [SUBSCRIBE, SEND], ttl: 5_000 });
    expect(made.token).toMatch(/^pgt_/);
    const browser = rig.with(made.token);
    await browser.tasks.send(task.id, "hello", { wait: 2 });
    expect(await all(browser.tasks.messages(task.id))).toHaveLength(1);
    await expect(browser.tasks.get({ name: "mine" })).rejects.toMatchObject({
      reason: "TASK_NOT_FOUND",
      message: 'there is no task "mine"',
    });
    expect(await outcome(browser.tasks.cancel(task.id))).toBe("NOT_ALLOWED");
    expect(await outcome(browser.tasks.createToken(task.id, { permissions: [SEND] }))).toBe("NOT_ALLOWED");
    const live = follow(made.token, task.id);
    await live.begun;
    clock.advance(5_000);
    expect(await live.end).toBe("CREDENTIALS_EXPIRED");
    expect(await outcome(ops.tasks.get(task.id))).toBe("ok");
  });

  it("ends with the token that it was made with", async () => {
    const { secret } = await rig.as.ops.tokens.create({ principal: "carol", ttl: 60_000 });
    const { task } = await rig.with(secret).tasks.create({ agent: "clerk" });
    const { token } = await rig.with(secret).tasks.createToken(task.id, { permissions: [SUBSCRIBE] });
    expect(await outcome(rig.with(token).tasks.get(task.id))).toBe("ok");
    clock.advance(60_000);
    expect(await outcome(rig.with(token).tasks.get(task.id))).toBe("CREDENTIALS_EXPIRED");
  });

  it("cannot be altered", async () => {
    const { task } = await rig.as.alice.tasks.create({ agent: "clerk" });
    const { token } = await rig.as.alice.tasks.createToken(task.id, { permissions: [SUBSCRIBE] });
    const [body = "", signature = ""] = token.slice("pgt_".length).split(".");
    const claims = Buffer.from(body, "base64url").toString();
    expect(claims).toContain("subscribe");
    const other = Buffer.from(claims.replace("subscribe", "send")).toString("base64url");
    for (const forged of [`pgt_${other}.${signature}`, `pgt_${body}`, `pgt_${body}.`, `pgt_.${signature}`]) {
      expect(await outcome(rig.with(forged).tasks.get(task.id))).toBe("CREDENTIALS_INVALID");
    }
    expect(await outcome(rig.with(token).tasks.get(task.id))).toBe("ok");
  });

  it("is void if it was made while the server asked nobody who he is", async () => {
    const store = `sqlite:${join(tempDir(), "store.db")}`;
    const log = { info() {}, warn() {}, error() {} };
    const clerk = defineAgent({ name: "clerk", onTaskEventSend() {} });
    const open = await serve({ agents: [clerk], store, port: 0, drain: 0, log });
    const { tasks } = createClient({ baseUrl: open.url });
    const { task } = await tasks.create({ agent: "clerk" });
    const { token } = await tasks.createToken(task.id, { permissions: [SUBSCRIBE] });
    await open.close();
    await using asking = await startAuthRig({ store });
    expect(await outcome(asking.with(token).tasks.get(task.id))).toBe("CREDENTIALS_INVALID");
  });

  it("has bounds", async () => {
    const { task } = await rig.as.alice.tasks.create({ agent: "clerk" });
    const { createToken } = rig.as.alice.tasks;
    for (const ttl of [1, 3_600_001]) {
      expect(await outcome(createToken(task.id, { permissions: [SEND], ttl }))).toBe("FIELD_INVALID");
    }
    for (const permissions of [[], [TaskPermission.UNSPECIFIED], [7 as TaskPermission]]) {
      expect(await outcome(createToken(task.id, { permissions }))).toBe("FIELD_INVALID");
    }
    expect(await outcome(rig.as.ops.tasks.createToken("none", { permissions: [SEND] }))).toBe(
      "TASK_NOT_FOUND",
    );
  });
});

describe("a client with a function that gives tokens", () => {
  it("asks it again when its token has ended, and misses nothing", async () => {
    const { task } = await rig.as.alice.tasks.create({ agent: "clerk" });
    let given = 0;
    const token = async () => {
      given += 1;
      const permissions = [SUBSCRIBE];
      return (await rig.as.alice.tasks.createToken(task.id, { permissions, ttl: 1_000 })).token;
    };
    const { tasks } = createClient({ baseUrl: rig.url, token, retry: { initialBackoff: 1 } });
    const texts: string[] = [];
    const begun = Promise.withResolvers<void>();
    const end = (async () => {
      for await (const { entry } of tasks.subscribe(task.id, { heartbeats: true })) {
        if (entry.case === "heartbeat") begun.resolve();
        if (entry.case === "event") texts.push(String(entry.value.state));
      }
    })();
    await begun.promise;
    clock.advance(1_000);
    await rig.as.alice.tasks.send(task.id, "later", { wait: 2 });
    await rig.as.alice.tasks.cancel(task.id);
    await end;
    expect(given).toBeGreaterThan(1);
    expect(texts).toHaveLength(3);
  });
});

/** Follows a task until it is ended from outside. */
function follow(token: string, taskId: string): { begun: Promise<void>; end: Promise<string> } {
  const begun = Promise.withResolvers<void>();
  const updates = async () => {
    for await (const { entry } of rig
      .with(token)
      .tasks.subscribe(taskId, { heartbeats: true, maxAttempts: 1 })) {
      if (entry.case === "heartbeat") begun.resolve();
    }
  };
  return { begun: begun.promise, end: outcome(updates()) };
}
