import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { createTaskDrawing } from "../src/cli/draw-task.ts";
import { EventState } from "../src/client/index.ts";
import { TaskUpdateSchema } from "../src/proto.ts";
import { createCliRig, jsonLines, serveForCli } from "./cli-rig.ts";
import { agentPath, runCli, urlOf } from "./crash-process.ts";
import { tempDir } from "./temp-dir.ts";

let rig: Awaited<ReturnType<typeof serveForCli>>;
beforeAll(async () => {
  rig = await serveForCli();
});
afterAll(() => rig.close());

/** Makes a task that has these events, and gives its id. */
async function taskWith(...texts: string[]): Promise<string> {
  const { task } = await rig.client.tasks.create({ agent: "talker", params: { who: "Ada" } });
  for (const text of texts) await rig.client.tasks.send(task.id, text);
  return task.id;
}

const esc = "\u001b";
/** What colours text. */
const colour = new RegExp(`${esc}\\[\\d+m`, "g");

describe("task watch", () => {
  it("draws states, events, messages, tool calls and retries, plain when piped", async () => {
    const id = await taskWith("hello there", "tool", "stumble", "done");
    const { code, stdout } = await rig.run(["task", "watch", id]);
    const expected = [
      /^\* PENDING$/,
      /^agent: Hello, Ada\.$/,
      /^\* ACTIVE$/,
      /^> event: hello there$/,
      /^agent: you said: hello there$/,
      /^agent: \(thinking\) let me look$/,
      /^agent: search\({"query":"tea"}\)$/,
      /^agent: search -> {"hits":2}$/,
      /^agent: {"answer":42}$/,
      /^! attempt 1 had no effect: stumbled once; again in 0\.0 s$/,
      /^! attempt 2$/,
      /^agent: on my feet$/,
      /^\* COMPLETED: all done$/,
    ];
    const lines = stdout.split("\n");
    for (const line of expected) expect(lines).toContainEqual(expect.stringMatching(line));
    expect(stdout).not.toContain(esc);
    expect(code).toBe(0);
  });

  it("says that it is tried again at once, where the wait was over before it was told", () => {
    const { draw } = createTaskDrawing((_, text) => text);
    const update = create(TaskUpdateSchema, {
      time: timestampFromMs(1_003),
      entry: { case: "superseded", value: { attempt: 1, retryTime: timestampFromMs(1_000) } },
    });
    expect(draw(update)).toMatch(/; again in 0\.0 s\n$/);
  });

  it("is in colour when forced to, and says the same", async () => {
    const id = await taskWith("tool", "done");
    const plain = await rig.run(["task", "watch", id]);
    const coloured = await rig.run(["task", "watch", id], { env: { FORCE_COLOR: "1" } });
    expect(coloured.stdout).toContain(`${esc}[`);
    expect(coloured.stdout.replaceAll(colour, "")).toBe(plain.stdout);
  });

  it("prints the log, an object a line, with --json", async () => {
    const id = await taskWith("stumble", "die", "done");
    const lines = await rig.json(["task", "watch", id]);
    const sequences = lines.map(({ sequence }) => Number(sequence));
    expect(sequences).toEqual([...sequences].sort((a, b) => a - b));
    expect(lines.at(0)).toMatchObject({ task: { state: "TASK_STATE_PENDING" } });
    expect(lines).toContainEqual(
      expect.objectContaining({ superseded: expect.objectContaining({ attempt: 1 }) }),
    );
    expect(lines.at(-1)).toMatchObject({ task: { state: "TASK_STATE_COMPLETED" } });
  });

  it.each([
    ["fails", "give-up", 6],
    ["completes", "done", 0],
  ])("tells by its exit code that a task %s", async (_, text, code) => {
    expect((await rig.run(["task", "watch", await taskWith(text)])).code).toBe(code);
  });

  it("tells by its exit code that a task is cancelled, also when it was before", async () => {
    const id = await taskWith();
    await rig.client.tasks.cancel(id);
    expect((await rig.run(["task", "watch", id])).code).toBe(7);
    expect(await rig.run(["task", "watch", id, "--after", "end"])).toEqual({
      code: 7,
      stdout: "",
      stderr: "",
    });
  });

  it("begins after a sequence", async () => {
    const id = await taskWith("done");
    const all = await rig.json(["task", "watch", id]);
    const rest = await rig.json(["task", "watch", id, "--after", String(all[2]?.sequence)]);
    expect(rest).toEqual(all.slice(3));
  });

  it("asks for the answer of a question by its schema, and again for what does not fit", async () => {
    const id = await taskWith("ask");
    const input = "huge\nlarge\nseven\n0\ny\n\nsmall\n7\nn\nno paper\n";
    const { code, stdout, stderr } = await rig.run(["task", "watch", id, "--answer"], { input });
    expect(stderr).toMatch(
      /size must be small \| large\ncount must be integer\nThe answer does not fit: .*\n/,
    );
    expect(stdout).toContain("? Which one?");
    expect(stdout).toContain('> event: {"size":"small","count":7,"wrapped":false,"note":"no paper"}');
    expect(code).toBe(0);
  });

  it("shows what a terminal would obey as something harmless", async () => {
    const id = await taskWith(`evil ${esc}]0;title\u0007${esc}[2J \u009b31m\rover`, "done");
    const { stdout } = await rig.run(["task", "watch", id], { env: { FORCE_COLOR: "1" } });
    expect(stdout).toContain("evil \ufffd]0;title\ufffd\ufffd[2J \ufffd31mover");
    expect(stdout.replaceAll(colour, "")).not.toMatch(/[^\P{Cc}\n]/u);
  });

  it("ends with 130 at SIGINT", async () => {
    const cli = rig.start(["task", "watch", await taskWith()]);
    await cli.printed(/ACTIVE/);
    cli.kill("SIGINT");
    expect(await cli.exited).toEqual({ code: 130, signal: null });
    expect(cli.stderr()).toBe("");
  });

  it("goes on over a restart of the server, without a gap or a duplicate", async () => {
    const store = `sqlite:${join(tempDir(), "watch.db")}`;
    const first = runCli(["serve", agentPath("ticker"), "--port", "0", "--store", store, "--drain", "0"]);
    onTestFinished(() => first[Symbol.asyncDispose]());
    const restarted = createCliRig(await urlOf(first));
    const { task } = await restarted.client.tasks.create({ agent: "ticker" });
    const cli = restarted.start(["task", "watch", task.id, "--json"]);
    await cli.printed(/TASK_STATE_ACTIVE/);
    first.kill("SIGKILL");
    await cli.printed(/connection lost, trying again/);
    const { port } = new URL(restarted.url);
    const second = runCli(["serve", agentPath("ticker"), "--port", port, "--store", store]);
    onTestFinished(() => second[Symbol.asyncDispose]());
    await urlOf(second);
    await restarted.client.tasks.cancel(task.id);
    expect((await cli.exited).code).toBe(7);
    const shown = jsonLines(cli.stdout());
    const { stdout } = await restarted.run(["task", "watch", task.id, "--json"]);
    expect(shown).toEqual(jsonLines(stdout));
    expect(new Set(shown.map(({ sequence }) => sequence)).size).toBe(shown.length);
    const told = cli.stderr().trim().split("\n");
    expect(told.filter((line, index) => line === told[index - 1])).toEqual([]);
  });
});

describe("what is piped into a reader that goes away", () => {
  it("ends without a word", async () => {
    for (let i = 0; i < 20; i++) await taskWith();
    const main = new URL("../src/cli/main.ts", import.meta.url).pathname;
    const command = `"${process.execPath}" --conditions=pigeonhole-source ${main} task list --json | head -1; echo "\${PIPESTATUS[0]}"`;
    const { stdout, stderr } = await promisify(execFile)("bash", ["-c", command], {
      env: { ...process.env, PIGEONHOLE_SERVER: rig.url },
    });
    expect(stdout).toMatch(/^\{.*\}\n0\n$/);
    expect(stderr).toBe("");
  });
});

describe("chat", () => {
  it("sends line after line, each when what came before is settled, and ends with the task", async () => {
    const { code, stdout } = await rig.run(["chat", "talker", "--param", "who=Ada"], {
      input: "one\ntwo\ndone\nlost\n",
    });
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /agent: Hello, Ada\.\n[\s\S]*> event: one\nagent: you said: one\n> event: two\nagent: you said: two\n> event: done\n\* COMPLETED: all done\n$/,
    );
  });

  it("leaves the task as it is at the end of the lines, goes on with it by its name, and answers its question", async () => {
    const first = await rig.run(["chat", "talker", "--name", "chatty"], { input: "wonder\n" });
    expect(first).toMatchObject({ code: 0, stdout: expect.stringContaining("? Why?") });
    const second = await rig.run(["chat", "--task", "chatty"], { input: "because\n" });
    expect(second).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/\* COMPLETED: answered .*because/),
    });
  });

  it("cancels the task when told to", async () => {
    expect((await rig.run(["chat", "talker"], { input: "/cancel\n" })).code).toBe(7);
  });

  it("interrupts the answer at SIGINT, and goes on", async () => {
    const cli = rig.start(["chat", "talker", "--name", "interrupted"], { input: "hang\nstumble on\n" });
    const { id } = await taskNamed("interrupted");
    for await (const { entry } of rig.client.tasks.subscribe(id)) {
      if (entry.case === "event" && entry.value.state === EventState.PROCESSING) break;
    }
    cli.kill("SIGINT");
    await cli.printed(/is dropped: interrupted in a chat/);
    await cli.printed(/on my feet/);
    expect((await cli.exited).code).toBe(0);
  });
});

/** Waits until a task of a name is there: making it again finds it. */
async function taskNamed(name: string) {
  return (await rig.client.tasks.create({ agent: "talker", name })).task;
}
