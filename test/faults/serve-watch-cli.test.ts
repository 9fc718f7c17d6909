import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { EventWait } from "../../src/client/index.ts";
import { createCliRig, jsonLines, runToEnd } from "../cli-rig.ts";
import { runCli, urlOf } from "../crash-process.ts";
import { root } from "../readme-code.ts";
import { tempDir } from "../temp-dir.ts";

/** Writes an agent that says what another file has it say, and does something when it is loaded. */
function writeAgent(folder: string, whenLoaded = ""): void {
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(root, join(folder, "node_modules/pigeonhole"));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  writeWord(folder, "one");
  writeFileSync(
    join(folder, "agent.ts"),
    `import { defineAgent } from "pigeonhole";
     import { word } from "./word.ts";
     ${whenLoaded}
     export default defineAgent({
       name: "watched",
       onTaskEventSend: async (ctx, event) => void (await ctx.messages.send(word + " " + event.text)),
     });`,
  );
}

function writeWord(folder: string, word: string): void {
  writeFileSync(join(folder, "word.ts"), `export const word = ${JSON.stringify(word)};`);
}

/** Serves the agent of a folder, and again when its files change. */
function serveWatched(folder: string, ...args: string[]) {
  const cli = runCli(["serve", "--watch", "--port", "0", ...args, "--", "agent.ts"], { cwd: folder });
  onTestFinished(() => cli[Symbol.asyncDispose]());
  return cli;
}

/** Finds the process that has loaded the agent last, where it says so. */
function loadedBy(printed: string): number {
  return Number([...printed.matchAll(/loaded by process (\d+)/g)].at(-1)?.[1]);
}

describe("serve --watch", () => {
  it("goes on with its tasks, at its port, when a file that the agent imports changes", async () => {
    const folder = tempDir();
    writeAgent(folder);
    const cli = serveWatched(folder);
    const { client, run, url } = createCliRig(await urlOf(cli));
    const { task } = await client.tasks.create({ agent: "watched", event: "a" });
    await client.tasks.send(task.id, "b", { wait: EventWait.PROCESSED });

    writeWord(folder, "two");
    await cli.printed(new RegExp(`Reloading\\.\\nPigeonhole serves watched at ${url}\\n`));
    await client.tasks.send(task.id, "c", { wait: EventWait.PROCESSED });
    expect((await run(["messages", task.id])).stdout).toBe("agent: one a\nagent: one b\nagent: two c\n");

    cli.kill("SIGTERM");
    expect(await cli.exited).toEqual({ code: 0, signal: null });
    expect((await run(["agents"])).code).toBe(4);
  });

  it("waits for the next change when an agent does not load any more", async () => {
    const folder = tempDir();
    writeAgent(folder);
    const cli = serveWatched(folder);
    const { client } = createCliRig(await urlOf(cli));
    const { task } = await client.tasks.create({ agent: "watched", event: "a" });
    writeFileSync(join(folder, "word.ts"), "export const word = ;");
    await cli.printed(/cannot load the agent agent\.ts[\s\S]*starts again when a file of an agent changes/);
    writeWord(folder, "three");
    const settled = await client.tasks.send(task.id, "b", { wait: EventWait.PROCESSED });
    expect(settled.settledSequence).toBeGreaterThan(0n);
    cli.kill("SIGINT");
    expect((await cli.exited).code).toBe(0);
  });

  it("waits for a file that an agent imports and that is not there", async () => {
    const folder = tempDir();
    writeAgent(folder);
    const cli = serveWatched(folder);
    const url = await urlOf(cli);
    writeFileSync(join(folder, "word.ts"), `export { word } from "./words/spoken.ts";`);
    await cli.printed(/cannot load the agent agent\.ts[\s\S]*starts again when a file of an agent changes/);
    mkdirSync(join(folder, "words"));
    writeFileSync(join(folder, "words/spoken.ts"), `export const word = "four";`);
    await cli.printed(new RegExp(`Reloading\\.\\n[^]*Reloading\\.\\nPigeonhole serves watched at ${url}\\n`));
    cli.kill("SIGTERM");
    expect((await cli.exited).code).toBe(0);
  });

  it("is served again, at its port, when its server is killed, also before that listens", async () => {
    const folder = tempDir();
    writeAgent(folder, "console.log('loaded by process', process.pid);");
    const cli = serveWatched(folder);
    const { client, url } = createCliRig(await urlOf(cli));
    const { task } = await client.tasks.create({ agent: "watched", event: "a" });
    const servers = new RegExp("loaded by process (\\d+)\n[^]*".repeat(2));
    process.kill(loadedBy(cli.stdout()), "SIGKILL");
    const [again] = await cli.printed(servers);
    process.kill(loadedBy(again), "SIGKILL");
    await cli.printed(
      new RegExp(`Reloading\\.\\n[^]*Reloading\\.\\n[^]*Pigeonhole serves watched at ${url}\\n`),
    );
    expect(cli.stderr()).toBe("pigeonhole: the server has ended; it starts again\n".repeat(2));
    const settled = await client.tasks.send(task.id, "b", { wait: EventWait.PROCESSED });
    expect(settled.settledSequence).toBeGreaterThan(0n);
    cli.kill("SIGTERM");
    expect((await cli.exited).code).toBe(0);
  });

  it("ends in order when it is told to while it starts again", async () => {
    const folder = tempDir();
    writeAgent(folder);
    const cli = serveWatched(folder);
    await urlOf(cli);
    writeWord(folder, "two");
    await cli.printed(/Reloading\./);
    cli.kill("SIGTERM");
    expect(await cli.exited).toEqual({ code: 0, signal: null });
  });

  it("ends if it cannot begin, and does not begin on a store that would lose its tasks", async () => {
    const folder = tempDir();
    const absent = await runToEnd(["serve", "absent.ts", "--watch"], { cwd: folder });
    expect(absent).toMatchObject({ code: 2, stderr: expect.stringContaining("there is no such file") });
    const memory = await runToEnd(["serve", "agent.ts", "--watch", "--store", "memory:"], { cwd: folder });
    expect(memory).toMatchObject({ code: 2, stderr: expect.stringContaining("outlives a restart") });
  });
});

describe("serve --json", () => {
  it("says where it serves what, and that it starts again, an object a line", async () => {
    const folder = tempDir();
    writeAgent(folder);
    const cli = serveWatched(folder, "--json");
    const [, url] = await cli.printed(/^\{"url":"(.*?)","agents":\["watched"\]\}\n/);
    writeWord(folder, "two");
    await cli.printed(new RegExp(`\\{"reloading":true\\}\\n\\{"url":"${url}"`));
    cli.kill("SIGTERM");
    await cli.exited;
    expect(jsonLines(cli.stdout()).at(-1)).toEqual({ stopping: true });
  });
});

describe("a server whose watcher is killed", () => {
  it("ends too", async () => {
    const folder = tempDir();
    writeAgent(folder);
    const cli = serveWatched(folder);
    await urlOf(cli);
    cli.kill("SIGKILL");
    // Its output ends when the last process that has it does.
    await cli.exited;
    expect(cli.stdout()).toMatch(/\nStopping: /);
  });

  it("ends too while it loads its agents", async () => {
    const folder = tempDir();
    const forever = "setInterval(() => {}, 1000); await new Promise(() => {});";
    writeAgent(folder, `console.log("loading"); ${forever}`);
    const cli = serveWatched(folder);
    await cli.printed(/loading/);
    cli.kill("SIGKILL");
    await cli.exited;
    expect(cli.stdout()).toBe("loading\n");
  });
});

describe("serve --allow-private-webhooks", () => {
  it.each([
    ["posts to this machine", ["--allow-private-webhooks"], 0],
    ["is needed for that", [], 2],
  ])("%s", async (_, args, code) => {
    const folder = tempDir();
    writeAgent(folder);
    const cli = runCli(["serve", "agent.ts", "--port", "0", "--store", "memory:", ...args], { cwd: folder });
    onTestFinished(() => cli[Symbol.asyncDispose]());
    const { run } = createCliRig(await urlOf(cli));
    const create = ["webhook", "create", "http://127.0.0.1:9/", "--agent", "watched"];
    expect((await run(create)).code).toBe(code);
  });
});

describe("serve, when nobody reads what it prints any more", () => {
  it("stops in order all the same", async () => {
    const folder = tempDir();
    writeAgent(folder);
    const main = new URL("../../src/cli/main.ts", import.meta.url).pathname;
    const args = [
      "--conditions=pigeonhole-source",
      main,
      "serve",
      "agent.ts",
      "--port",
      "0",
      "--store",
      "sqlite:unread.db",
    ];
    const child = spawn(process.execPath, args, { cwd: folder, stdio: ["ignore", "pipe", "ignore"] });
    onTestFinished(() => void child.kill("SIGKILL"));
    await once(child.stdout, "data");
    const closed = once(child.stdout, "close");
    child.stdout.destroy();
    await closed;
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([0, null]);
    // A store that is closed in order leaves none of its journals.
    expect(readdirSync(folder).filter((name) => /^unread\.db-.*(journal|wal|shm)$/.test(name))).toEqual([]);
  });
});
