import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EventState, TaskService } from "../../src/proto.ts";
import { agentPath, runCli, urlOf } from "../crash-process.ts";

const directory = mkdtempSync(join(tmpdir(), "pigeonhole-cli-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const scribe = agentPath("scribe");

function inDirectory(name: string): string {
  return join(directory, name);
}

/** Runs the command line to its end. */
async function run(args: string[], options: { uid?: number | undefined } = {}) {
  await using cli = runCli(args, options);
  const { code } = await cli.exited;
  return { code, stdout: cli.stdout(), stderr: cli.stderr() };
}

describe("a server that is stopped", () => {
  it.each([
    ["SIGTERM", "SIGTERM"],
    ["SIGINT", "SIGTERM"],
  ] as const)("drains at %s, and ends at once at a second signal, %s", async (first, second) => {
    const store = `sqlite:${inDirectory(`${first}.db`)}`;
    const args = ["serve", agentPath("sleeper"), "--port", "0", "--store", store, "--drain", "3600"];
    await using server = runCli(args);
    const rpc = createClient(TaskService, createGrpcTransport({ baseUrl: await urlOf(server) }));
    const event = { parts: [{ content: { case: "text" as const, value: "it" } }] };
    const { task } = await rpc.createTask({ agent: "sleeper", event });
    for await (const { update } of rpc.subscribeTask({ taskId: task?.id ?? "" })) {
      const { entry } = update ?? {};
      if (entry?.case === "event" && entry.value.state === EventState.PROCESSING) break;
    }
    server.kill(first);
    await server.printed(/^Stopping/m);
    server.kill(second);
    expect((await server.exited).code).toBe(1);
  });

  it("stops in order even if it has only begun", async () => {
    const store = `sqlite:${inDirectory("early.db")}`;
    await using server = runCli(["serve", scribe, "--port", "0", "--store", store]);
    await server.printed(/^Pigeonhole serves/);
    server.kill("SIGTERM");
    expect(await server.exited).toEqual({ code: 0, signal: null });
  });
});

describe("an agent that throws outside of its handlers", () => {
  it("has the server drain, and exit with 1", async () => {
    const store = `sqlite:${inDirectory("loose.db")}`;
    await using server = runCli(["serve", agentPath("loose"), "--port", "0", "--store", store]);
    const rpc = createClient(TaskService, createGrpcTransport({ baseUrl: await urlOf(server) }));
    await rpc.createTask({ agent: "loose" });
    await server.printed(/^Stopping/m);
    expect(await server.exited).toEqual({ code: 1, signal: null });
    expect(server.stderr()).toMatch(/threw outside of its handlers.*a loose end/);
  });

  it("goes on if all it did was to use what belongs to a turn that is over", async () => {
    const store = `sqlite:${inDirectory("late.db")}`;
    await using server = runCli(["serve", agentPath("loose"), "--port", "0", "--store", store]);
    const rpc = createClient(TaskService, createGrpcTransport({ baseUrl: await urlOf(server) }));
    const { task } = await rpc.createTask({ agent: "loose", params: { late: true } });
    await server.printed(/threw outside of its handlers.*TURN_OVER|threw outside of its handlers.*is over/);
    expect((await rpc.getTask({ key: { case: "taskId", value: task?.id ?? "" } })).task?.id).toBe(task?.id);
    server.kill("SIGTERM");
    expect(await server.exited).toEqual({ code: 0, signal: null });
  });
});

describe("a server that cannot begin", () => {
  it("says that another one has its database", async () => {
    const args = ["serve", scribe, "--port", "0", "--store", `sqlite:${inDirectory("shared.db")}`];
    await using first = runCli(args);
    const url = await urlOf(first);
    const { code, stderr, stdout } = await run(args);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^pigeonhole: another server is using the database .*shared\.db/);
    expect(stdout).toBe("");
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  it("says that its database cannot be written", async () => {
    const readOnly = inDirectory("read-only");
    mkdirSync(readOnly);
    chmodSync(directory, 0o755);
    chmodSync(readOnly, 0o555);
    // The permissions of a directory do not bind root.
    const uid = process.getuid?.() === 0 ? 65_534 : undefined;
    const store = `sqlite:${join(readOnly, "x.db")}`;
    const { code, stderr } = await run(["serve", scribe, "--port", "0", "--store", store], { uid });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^pigeonhole: cannot open the database .*x\.db.*\n$/);
  });

  it("says that its database is none", async () => {
    const path = inDirectory("letter.db");
    writeFileSync(path, "Dear database, ".repeat(1_000));
    const { code, stderr } = await run(["serve", scribe, "--port", "0", "--store", `sqlite:${path}`]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^pigeonhole: cannot open the database .*letter\.db.*\n$/);
  });

  it("says that its port is taken", async () => {
    await using first = runCli(["serve", scribe, "--port", "0", "--store", "memory:"]);
    const { port } = new URL(await urlOf(first));
    const { code, stderr } = await run(["serve", scribe, "--port", port, "--store", "memory:"]);
    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(`^pigeonhole: .*address already in use.*${port}`));
  });
});

describe("the command line", () => {
  beforeAll(() => {
    writeFileSync(inDirectory("broken.ts"), "export default {");
    writeFileSync(inDirectory("throwing.ts"), "throw new Error('no luck today');");
    writeFileSync(inDirectory("empty.ts"), "export const agent = 1;");
    writeFileSync(inDirectory("nameless.ts"), "export default { name: 'No Name', onTaskEventSend() {} };");
  });

  it.each([
    ["no command", [], /a command is missing/],
    ["an unknown command", ["sreve"], /there is no command "sreve"/],
    ["an unknown flag", ["serve", scribe, "--prot", "1"], /--prot/],
    ["a flag without its value", ["serve", scribe, "--port"], /--port/],
    ["no agent", ["serve"], /serve needs AGENT/],
    [
      "an agent that is not there",
      ["serve", inDirectory("absent.ts")],
      /cannot load the agent .*absent\.ts: there is no such file/,
    ],
    [
      "an agent that is no program",
      ["serve", inDirectory("broken.ts")],
      /cannot load the agent .*broken\.ts/,
    ],
    ["an agent that throws", ["serve", inDirectory("throwing.ts")], /throwing\.ts: no luck today/],
    ["a module without an agent", ["serve", inDirectory("empty.ts")], /empty\.ts must export an agent/],
    ["an agent with a wrong name", ["serve", inDirectory("nameless.ts")], /nameless\.ts: .*name must have/],
    [
      "two agents of one name",
      ["serve", scribe, scribe, "--store", "memory:"],
      /two agents are named scribe/,
    ],
    [
      "a port that is none",
      ["serve", scribe, "--port", "70000"],
      /--port must be a whole number from 0 to 65535/,
    ],
    [
      "a store that is none",
      ["serve", scribe, "--store", "letterbox"],
      /--store must be sqlite:PATH or memory:/,
    ],
  ])("refuses %s with exit code 2", async (_, args, message) => {
    const { code, stdout, stderr } = await run(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^pigeonhole: [\s\S]*\nTry pigeonhole --help\.\n$/);
  });

  it("prints its usage and its version", async () => {
    const [help, version] = await Promise.all([run(["--help"]), run(["--version"])]);
    expect(help).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^USAGE: pigeonhole COMMAND/),
      stderr: "",
    });
    expect(version).toEqual({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/), stderr: "" });
  });
});
