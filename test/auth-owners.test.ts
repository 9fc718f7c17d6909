import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createClient } from "../src/client/index.ts";
import { type AuthRig, all, outcome, startAuthRig } from "./auth-rig.ts";
import { startServer } from "./service-server.ts";

let rig: AuthRig;
beforeAll(async () => {
  rig = await startAuthRig();
});
afterAll(() => rig[Symbol.asyncDispose]());

const ids = (items: readonly { id: string }[]) => items.map(({ id }) => id);

describe("a task", () => {
  it("belongs to who made it, and to its owner's lists and counts alone", async () => {
    const { alice, bob, worker, ops } = rig.as;
    const { task } = await alice.tasks.create({ agent: "clerk" });
    expect(task.owner).toBe("alice");
    expect(ids(await all(alice.tasks.list()))).toContain(task.id);
    expect(await all(bob.tasks.list())).toEqual([]);
    expect(await all(bob.tasks.list({ owner: "alice" }))).toEqual([]);
    for (const seer of [worker, ops]) {
      expect(ids(await all(seer.tasks.list({ owner: "alice" })))).toContain(task.id);
      expect(ids(await all(seer.tasks.list({ owner: "bob" })))).not.toContain(task.id);
      expect(ids(await all(seer.tasks.list()))).toContain(task.id);
    }
    expect((await bob.agents.get("clerk")).unfinishedTasks).toBe(0n);
    expect((await alice.agents.get("clerk")).unfinishedTasks).toBeGreaterThan(0n);
    expect((await ops.agents.get("clerk")).unfinishedTasks).toBeGreaterThan(0n);
  });

  it("has a name that is its owner's: others may have the same, and cannot tell", async () => {
    const { alice, bob, worker, ops } = rig.as;
    const hers = await alice.tasks.create({ agent: "clerk", name: "diary" });
    expect(await outcome(bob.tasks.get({ name: "diary" }))).toBe("TASK_NOT_FOUND");
    const his = await bob.tasks.create({ agent: "clerk", name: "diary" });
    expect(his).toMatchObject({ created: true, task: { owner: "bob" } });
    expect((await alice.tasks.create({ agent: "clerk", name: "diary" })).task.id).toBe(hers.task.id);
    expect((await alice.tasks.get({ name: "diary" })).id).toBe(hers.task.id);
    expect((await bob.tasks.get({ name: "diary" })).id).toBe(his.task.id);
    // Whoever sees all sees its own first.
    expect([hers.task.id, his.task.id]).toContain((await worker.tasks.get({ name: "diary" })).id);
    const own = await ops.tasks.create({ agent: "clerk", name: "diary" });
    expect((await ops.tasks.get({ name: "diary" })).id).toBe(own.task.id);
  });

  it("is made by a request whose id is its caller's", async () => {
    const { alice, bob } = rig.as;
    const request = { agent: "clerk", requestId: "the-same" };
    const hers = await alice.tasks.create(request);
    const his = await bob.tasks.create({ ...request, labels: { other: "content" } });
    expect(his.duplicate).toBe(false);
    expect((await alice.tasks.create(request)).task.id).toBe(hers.task.id);
    await bob.tasks.cancel(his.task.id);
    expect((await alice.tasks.create(request)).duplicate).toBe(true);
  });

  it("is read and sent to by an agent, and administered by its owner and admins alone", async () => {
    const { alice, worker, ops } = rig.as;
    const { task } = await alice.tasks.create({ agent: "clerk" });
    expect((await worker.tasks.get(task.id)).id).toBe(task.id);
    await worker.tasks.send(task.id, "from the agent", { wait: 2 });
    expect(await all(worker.tasks.messages(task.id))).toHaveLength(1);
    for (const forbidden of [worker.tasks.interrupt(task.id), worker.tasks.cancel(task.id)]) {
      expect(await outcome(forbidden)).toBe("TASK_NOT_FOUND");
    }
    expect(await outcome(ops.tasks.cancel(task.id))).toBe("ok");
  });

  it("has its parent's owner, whoever makes it", async () => {
    const { alice, bob, worker } = rig.as;
    const parent = (await alice.tasks.create({ agent: "clerk" })).task.id;
    const child = { agent: "clerk", parentTaskId: parent };
    expect(await outcome(bob.tasks.create(child))).toBe("TASK_NOT_FOUND");
    expect((await worker.tasks.create(child)).task.owner).toBe("alice");
    await alice.tasks.send(parent, "child", { wait: 2 });
    const children = await all(alice.tasks.list({ parentTaskId: parent }));
    expect(children.map(({ owner, name }) => [owner, name])).toEqual([
      ["alice", "sub"],
      ["alice", ""],
    ]);
    expect(await all(bob.tasks.list({ parentTaskId: parent }))).toEqual([]);
    await alice.tasks.send(parent, "whose", { wait: 2 });
    const [message] = await all(alice.tasks.messages(parent));
    expect(message?.parts[0]?.content.value).toBe("alice");
  });

  it("is the server's if a webhook made it: agents and admins see it", async () => {
    await fetch(`${rig.url}/webhooks/clerk/door`, { method: "POST" });
    expect(await outcome(rig.as.alice.tasks.get({ name: "from-outside" }))).toBe("TASK_NOT_FOUND");
    expect(await rig.as.worker.tasks.get({ name: "from-outside" })).toMatchObject({ owner: "" });
    expect((await all(rig.as.ops.tasks.list())).map(({ owner }) => owner)).toContain("");
  });
});

describe("a schedule", () => {
  const daily = { name: "daily", agent: "clerk", cron: "0 3 * * *" };

  it("is its maker's, with its name, its request ids and the tasks that it makes", async () => {
    const { alice, bob, worker, ops } = rig.as;
    await alice.schedules.create({ ...daily, requestId: "one" });
    for (const other of [bob, worker]) {
      for (const { get, pause, resume, trigger, delete: remove } of [other.schedules]) {
        for (const call of [get, pause, resume, trigger, remove]) {
          expect(await outcome(call("daily"))).toBe("SCHEDULE_NOT_FOUND");
          expect(await outcome(call("daily", { owner: "alice" }))).toBe("SCHEDULE_NOT_FOUND");
        }
      }
      expect(await all(other.schedules.list())).toEqual([]);
      expect(await all(other.schedules.list({ owner: "alice" }))).toEqual([]);
    }
    expect(await bob.schedules.create({ ...daily, cron: "0 4 * * *", requestId: "one" })).toMatchObject({
      owner: "bob",
    });
    expect((await alice.schedules.trigger("daily")).task.owner).toBe("alice");
    expect((await ops.schedules.trigger("daily", { owner: "bob" })).task.owner).toBe("bob");
    expect((await ops.schedules.pause("daily", { owner: "alice" })).paused).toBe(true);
    expect((await alice.schedules.get("daily")).paused).toBe(true);
    expect((await bob.schedules.get("daily")).paused).toBe(false);
    const seen = await all(ops.schedules.list());
    expect(seen.map(({ owner, name }) => `${owner}:${name}`)).toEqual([
      ":clerk/nightly",
      "alice:daily",
      "bob:daily",
    ]);
  });

  it("that an agent declares is the server's", async () => {
    const { alice, worker, ops } = rig.as;
    for (const other of [alice, worker]) {
      expect(await outcome(other.schedules.get("clerk/nightly"))).toBe("SCHEDULE_NOT_FOUND");
    }
    expect((await ops.schedules.trigger("clerk/nightly")).task.owner).toBe("");
  });
});

describe("a webhook", () => {
  it("is its maker's, and one of an agent posts its maker's tasks alone", async () => {
    const { alice, bob, worker, ops } = rig.as;
    const { webhook } = await alice.webhooks.create({ agent: "clerk", url: "http://127.0.0.1:9/" });
    expect(webhook.owner).toBe("alice");
    for (const other of [bob, worker]) {
      for (const call of [
        other.webhooks.get,
        other.webhooks.pause,
        other.webhooks.resume,
        other.webhooks.delete,
      ]) {
        expect(await outcome(call(webhook.id))).toBe("WEBHOOK_NOT_FOUND");
      }
      expect(await all(other.webhooks.list())).toEqual([]);
    }
    expect(ids(await all(ops.webhooks.list({ owner: "alice" })))).toEqual([webhook.id]);
    expect(await outcome(ops.webhooks.delete(webhook.id))).toBe("ok");
  });
});

describe("a server that asks nobody", () => {
  it("does everything for everyone, and gives out no tokens", async () => {
    await using open = await startServer();
    const nobody = createClient({ baseUrl: open.url });
    const { task } = await nobody.tasks.create({ agent: "desk", name: "open" });
    expect(task.owner).toBe("");
    const somebody = createClient({ baseUrl: open.url, token: "pgh_whatever" });
    expect((await somebody.tasks.get({ name: "open" })).id).toBe(task.id);
    for (const call of [
      nobody.tokens.create({ principal: "me" }),
      all(nobody.tokens.list()),
      nobody.tokens.revoke("x"),
    ]) {
      expect(await outcome(call)).toBe("AUTHENTICATION_OFF");
    }
  });
});
