import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { type RawRequest, send } from "./http-rig.ts";
import { startServer, type TestServer } from "./service-server.ts";
import { tempDir } from "./temp-dir.ts";

const createTask: RawRequest = {
  httpVersion: 1,
  path: "/pigeonhole.v1.TaskService/CreateTask",
  headers: { "content-type": "application/json" },
  body: '{"agent":"desk"}',
};

/** Asks by a name, as a browser does whose page has that name. */
function ask(server: TestServer, host: string, request: RawRequest = createTask) {
  return send(server, { ...request, headers: { ...request.headers, host } });
}

describe("a server on loopback that asks nobody who they are", async () => {
  const server = await startServer({ allowedHosts: ["Agents.Example"] });
  afterAll(() => server.close());

  it.each([
    "127.0.0.1",
    "127.0.0.1:8080",
    "[::1]:8080",
    "192.0.2.7",
    "localhost",
    "LOCALHOST:9",
    "one.localhost",
    "agents.example",
    "AGENTS.example:443",
  ])("is asked by its own name (%s)", async (host) => {
    expect((await ask(server, host)).status).toBe(200);
  });

  it.each([
    "evil.example",
    "evil.example:8080",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "evillocalhost",
    "evil.agents.example",
    "agents.example.evil.example",
    "pigeonhole",
    "evil.example@127.0.0.1/",
    "[",
  ])("is not asked by another (%j), and nothing is done", async (host) => {
    const labels = { host: "of-others" };
    const body = JSON.stringify({ agent: "desk", labels });
    const { status, body: answer } = await ask(server, host, { ...createTask, body });
    const reason = expect.objectContaining({ debug: expect.objectContaining({ reason: "NOT_ALLOWED" }) });
    expect([status, JSON.parse(String(answer))]).toEqual([
      403,
      expect.objectContaining({ code: "permission_denied", details: expect.arrayContaining([reason]) }),
    ]);
    const list = {
      ...createTask,
      path: "/pigeonhole.v1.TaskService/ListTasks",
      body: JSON.stringify({ labels }),
    };
    expect(JSON.parse(String((await ask(server, "localhost", list)).body))).toEqual({});
  });

  it("says how to have it so", async () => {
    const { body } = await ask(server, "agents.internal");
    expect(String(body)).toMatch(/has no host \\"agents\.internal\\".*--allow-host/);
  });

  it("shows its console under its own names alone", async () => {
    const console = tempDir();
    writeFileSync(join(console, "index.html"), "<!doctype html>");
    await using server = await startServer({ console });
    const page: RawRequest = { httpVersion: 1, path: "/", method: "GET" };
    expect((await ask(server, "localhost", page)).status).toBe(200);
    expect((await ask(server, "evil.example", page)).status).toBe(403);
  });

  it("tells how it is by whatever name", async () => {
    for (const path of ["/healthz", "/readyz"])
      expect((await ask(server, "evil.example", { httpVersion: 1, path, method: "GET" })).status).toBe(200);
  });

  it("is called over HTTP/2, which no browser speaks without TLS, by whatever name", async () => {
    const { status } = await ask(server, "evil.example", { ...createTask, httpVersion: 2 });
    expect(status).toBe(200);
  });
});

describe("a name", () => {
  it.each(["", "a b", "agents.example:8080", "http://agents.example", "agents.example/", "a@b"])(
    "that is none is refused (%j)",
    async (name) => {
      await expect(startServer({ allowedHosts: [name] })).rejects.toMatchObject({
        reason: "VALUE_INVALID",
        message: expect.stringContaining(JSON.stringify(name)),
      });
    },
  );

  it("may be any where callers say who they are, or everybody may call", async () => {
    await using asking = await startServer({ auth: {} });
    expect((await ask(asking, "evil.example")).status).toBe(401);
    await using open = await startServer({ host: "0.0.0.0", insecure: true });
    expect((await ask({ ...open, url: `http://127.0.0.1:${open.port}` }, "evil.example")).status).toBe(200);
  });
});

describe("the metrics of a server", () => {
  const metrics: RawRequest = { httpVersion: 1, path: "/metrics", method: "GET" };

  it("are asked on loopback by its own names alone, as nobody is asked who they are there", async () => {
    await using server = await startServer({ auth: {}, metricsPort: 0, allowedHosts: ["agents.example"] });
    const own = { ...server, url: `http://127.0.0.1:${server.metricsPort}` };
    for (const host of ["127.0.0.1:9464", "localhost", "agents.example"])
      expect((await ask(own, host, metrics)).status).toBe(200);
    const { status, body } = await ask(own, "evil.example", metrics);
    expect([status, String(body)]).toEqual([403, expect.stringContaining("--allow-host")]);
  });

  it("are asked by any name on an address that others reach", async () => {
    await using server = await startServer({ metricsPort: 0, metricsHost: "0.0.0.0" });
    const own = { ...server, url: `http://127.0.0.1:${server.metricsPort}` };
    expect((await ask(own, "prometheus.example", metrics)).status).toBe(200);
  });
});
