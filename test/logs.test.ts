import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, openSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { createClient } from "../src/client/index.ts";
import { EventState } from "../src/proto.ts";
import { createLogger, type ServeOptions } from "../src/server/index.ts";
import { collect, isEvent, startRig } from "./agents/rig.ts";
import { agentPath } from "./crash-process.ts";
import { tempDir } from "./temp-dir.ts";

const secret = "xyzzy";

/** Has a handler throw what it was given, in every way there is. Returns the lines of the server's log. */
async function failWithPayload(options: Partial<ServeOptions>): Promise<string[]> {
  const lines: string[] = [];
  await using rig = await startRig(
    {
      retry: { maxAttempts: 2, initialBackoff: 1, maxBackoff: 1 },
      onTaskEventSend(ctx, event) {
        ctx.state.set("seen", event.text);
        const cause = Object.assign(new Error(`inner ${event.text}`), { parts: event.parts });
        const error = new RangeError(`cannot do\n    at ${event.text} (params.ts:1:1)`, { cause });
        throw Object.assign(error, { event, params: ctx.task.params, code: "E_NO" });
      },
    },
    { log: createLogger({ level: "debug", write: (line) => lines.push(line) }), ...options },
  );
  const { task } = await rig.tasks.create({ agent: "rig", params: { secret }, labels: { secret } });
  await rig.tasks.send(task.id, secret, { metadata: { secret }, type: secret });
  await rig.until(task.id, isEvent(EventState.DEAD_LETTERED));
  await rig.tasks.send(task.id, [{ data: { secret } }]);
  await rig.close();
  return lines;
}

describe("the log of a server", () => {
  it("tells of an error its kind, where it was thrown and whose turn it was, and nothing of the event", async () => {
    const lines = await failWithPayload({});
    expect(lines.join("")).not.toContain(secret);
    const failures = lines
      .map((line) => JSON.parse(line))
      .filter(({ message }) => message === "a handler failed");
    expect(failures.slice(0, 2)).toMatchObject(
      [1, 2].map((attempt) => ({
        ...{ level: "error", agent: "rig", attempt, turn: attempt, taskId: expect.any(String) },
        error: {
          ...{ name: "RangeError", code: "E_NO", stack: expect.stringContaining("logs.test.ts") },
          cause: { name: "Error", stack: expect.stringContaining("logs.test.ts") },
        },
      })),
    );
    expect(lines.map((line) => JSON.parse(line))).toContainEqual(
      expect.objectContaining({ level: "debug", rpc: "pigeonhole.v1.TaskService/SendEvent", code: "OK" }),
    );
  });

  it("tells nothing of what a handler wants to show or to pass on, and cannot", async () => {
    const lines: string[] = [];
    await using rig = await startRig(
      {
        onTaskEventSend(ctx, event) {
          // As of a language model's answer, whose arguments are a text. What nobody waits for fails no turn.
          const parts = JSON.parse(`[{ "toolRequest": { "arguments": "${event.text}" } }]`);
          ctx.messages.send(parts).catch(() => {});
          ctx.tasks.send(ctx.task.id, parts).catch(() => {});
        },
      },
      { log: createLogger({ write: (line) => lines.push(line) }) },
    );
    const taskId = await rig.create(secret);
    await rig.until(taskId, isEvent(EventState.PROCESSED));
    await rig.close();
    expect(lines.join("")).not.toContain(secret);
    const told = lines.map((line) => JSON.parse(line)).filter(({ level }) => level === "warn");
    expect(told).toMatchObject(
      ["a handler cannot show what it wants to", /did not wait/].map((message) => ({
        message: typeof message === "string" ? message : expect.stringMatching(message),
        error: { name: "VALUE_INVALID", stack: expect.stringContaining("mailbox") },
      })),
    );
  });

  it("tells what was thrown in full to those who ask for that", async () => {
    const lines = await failWithPayload({ logHandlerErrors: true });
    expect(lines.join("")).toContain(`inner ${secret}`);
  });
});

describe("a server whose log", () => {
  it.each([
    ["has lost its reader", true],
    ["is not read", false],
  ])("%s goes on, answers, and stops in order", async (_, gone) => {
    const pipe = join(tempDir(), "stderr");
    execFileSync("mkfifo", [pipe]);
    const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
    const stderr = openSync(pipe, "w");
    const main = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url));
    const flags = ["--port", "0", "--store", "memory:", "--log-level", "debug", "--json"];
    const server = spawn(
      process.execPath,
      ["--conditions=pigeonhole-source", main, "serve", agentPath("scribe"), ...flags],
      { stdio: ["ignore", "pipe", stderr] },
    );
    closeSync(stderr);
    if (gone) closeSync(reader);
    else onTestFinished(() => closeSync(reader));
    const exited = once(server, "exit");
    if (server.stdout === null) throw new Error("its output is not piped");
    const [line] = await once(server.stdout, "data");
    const { tasks } = createClient({ baseUrl: JSON.parse(String(line)).url });
    // More than a pipe holds, which is 64 KiB.
    for (let round = 0; round < 12; round++) {
      await Promise.all(Array.from({ length: 50 }, () => collect(tasks.list())));
    }
    server.kill("SIGTERM");
    expect(await exited).toEqual([0, null]);
  });
});
