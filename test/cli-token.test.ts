import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createStoreTokens } from "../src/cli/store-tokens.ts";
import { createClient } from "../src/client/index.ts";
import { serve } from "../src/server/index.ts";
import { createCliRig } from "./cli-rig.ts";
import { createDesk } from "./service-agent.ts";
import { startServer } from "./service-server.ts";
import { tempDir } from "./temp-dir.ts";

const secretOf = ([result]: Record<string, unknown>[]) => String(result?.secret);

describe("task token", () => {
  it("makes a token that follows one task, or sends to it, for as long as it is told", async () => {
    const store = `sqlite:${join(tempDir(), "store.db")}`;
    const { secret } = await createStoreTokens(store).create({ principal: "alice" });
    await using server = await startServer({ store, auth: {} });
    const owner = createClient({ baseUrl: server.url, token: secret });
    const [{ task }, other] = [
      await owner.tasks.create({ agent: "desk", name: "mine" }),
      await owner.tasks.create({ agent: "desk" }),
    ];
    const env = { PIGEONHOLE_TOKEN: secret };
    const args = ["task", "token", "mine", "--permission", "subscribe,send", "--ttl", "1m"];
    const [made] = await createCliRig(server.url).json(args, { env });
    expect(Date.parse(String(made?.expireTime)) - Date.now()).toBeLessThanOrEqual(60_000);
    const { tasks } = createClient({ baseUrl: server.url, token: String(made?.token) });
    await tasks.send(task.id, "hello");
    expect((await tasks.get(task.id)).name).toBe("mine");
    await expect(tasks.cancel(task.id)).rejects.toMatchObject({ reason: "NOT_ALLOWED" });
    await expect(tasks.get(other.task.id)).rejects.toMatchObject({ reason: "TASK_NOT_FOUND" });
  });
});

describe("token create, list and revoke", () => {
  it("make the first admin on a store that no server has, and the others by a server", async () => {
    const store = `sqlite:${join(tempDir(), "store.db")}`;
    const offline = createCliRig("http://127.0.0.1:9");
    const admin = secretOf(
      await offline.json(["token", "create", "ops", "--role", "admin", "--store", store]),
    );
    const wrong = await offline.run(["token", "create", "a b", "--store", store]);
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining("principal")]);
    for (const [option, value] of [
      ["ttl", "20000w"],
      ["ttl", "20000000w"],
      ["description", "x".repeat(257)],
    ] as const) {
      const args = ["token", "create", "ops", `--${option}`, value, "--store", store];
      const { code, stderr } = await offline.run(args);
      expect([code, stderr]).toEqual([2, expect.stringContaining(option)]);
    }
    expect(await offline.json(["token", "list", "--store", store])).toHaveLength(1);

    const log = { info() {}, warn() {}, error() {} };
    await using server = Object.assign(
      await serve({
        agents: [createDesk().agent],
        store,
        port: 0,
        drain: 0,
        log,
        auth: {},
        limits: { maxTasks: 1 },
      }),
      { [Symbol.asyncDispose]: () => server.close() },
    );
    const cli = createCliRig(server.url);
    const env = { PIGEONHOLE_TOKEN: admin };
    const inUse = await cli.run(["token", "list", "--store", store]);
    const hint =
      /another server is using .*\. Without --store that server does it, for the --token of an admin;/;
    expect([inUse.code, inUse.stderr]).toEqual([1, expect.stringMatching(hint)]);
    expect((await cli.run(["task", "list"])).code).toBe(9);

    const args = ["token", "create", "alice", "--ttl", "30d", "--description", "laptop"];
    const made = await cli.json(args, { env });
    expect(made).toMatchObject([
      { token: { principal: "alice", role: "ROLE_CLIENT", description: "laptop" } },
    ]);
    const { tasks } = createClient({ baseUrl: server.url, token: secretOf(made) });
    expect((await tasks.create({ agent: "desk" })).task.owner).toBe("alice");
    expect((await cli.run(["token", "list", "--token", secretOf(made)])).code).toBe(9);
    const second = await cli.run(["task", "create", "desk", "--token", secretOf(made)]);
    expect([second.code, second.stderr]).toEqual([5, expect.stringContaining("serve --max-tasks sets it")]);
    expect(await cli.json(["task", "list", "--owner", "alice"], { env })).toHaveLength(1);

    const listed = await cli.run(["token", "list"], { env });
    expect(listed.stdout).toMatch(/ops +admin.*\n.*alice +client/);
    expect(listed.stdout).not.toContain("pgh_");
    const [{ id } = { id: "" }] = await cli.json(["token", "list", "--principal", "alice"], { env });
    expect((await cli.run(["token", "revoke", String(id)], { env })).stdout).toBe(`${id} revoked\n`);
    expect((await cli.run(["task", "list", "--token", secretOf(made)])).code).toBe(9);
    expect((await cli.run(["token", "revoke", String(id)], { env })).code).toBe(3);
  });

  it("serve asks for a token, and says which flags go together", async () => {
    const offline = createCliRig("http://127.0.0.1:9");
    const { code, stderr } = await offline.run([
      "serve",
      "agent.ts",
      "--jwt-issuer",
      "https://issuer.example",
    ]);
    expect(code).toBe(2);
    expect(stderr).toContain("--jwt-issuer, --jwt-audience and --jwt-jwks go together");
    for (const flag of ["--peer-admin", "--peer-agent"]) {
      const alone = await offline.run(["serve", "agent.ts", "--auth", flag, "ops"]);
      expect(alone.code).toBe(2);
      expect(alone.stderr).toContain("--peer-admin and --peer-agent need --tls-client-ca");
    }
  });
});
