import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { atAddress, readmeCode, readmeCommand, root } from "./readme-code.ts";
import { serving, shell } from "./readme-shell.ts";

const temp = mkdtempSync(join(tmpdir(), "pigeonhole-package-"));
/** A folder of a user's, in which the package is installed as the README says. */
const cwd = join(temp, "project");
const installed = join(cwd, "node_modules/pigeonhole");

beforeAll(async () => {
  mkdirSync(cwd);
  await shell(`npm pack --silent --pack-destination ${temp}`, { cwd: root });
  await shell(readmeCommand("npm init"), { cwd });
  const install = readmeCommand("npm install").replace("../pigeonhole/", `${temp}/`);
  await shell(`${install} --prefer-offline --no-audit --no-fund --loglevel=error`, { cwd });
  writeFileSync(join(cwd, "agent.ts"), readmeCode("// agent.ts"));
  writeFileSync(join(cwd, "client.ts"), readmeCode("// client.ts"));
}, 300_000);

afterAll(() => rmSync(temp, { recursive: true }));

describe("the package", () => {
  test("ships what it needs, and neither sources nor tests", () => {
    expect(readdirSync(installed).sort()).toEqual(
      [
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "LICENSE",
        "README.md",
        "SECURITY.md",
        "dist",
        "docs",
        "examples",
        "gen",
        "package.json",
        "proto",
      ].sort(),
    );
    const files = readdirSync(installed, { recursive: true, encoding: "utf8" });
    // What the clients in other languages make when they are run.
    expect(files.filter((file) => /\.venv|__pycache__|^examples.*\bgen\//.test(file))).toEqual([]);
    expect(files.filter((file) => /^(?!examples).*(?<!\.d)\.ts$|\.test\.|\.map$/.test(file))).toEqual([]);
  });

  test("serves the README's agent to the README's client", async () => {
    const command = readmeCommand("npx pigeonhole serve").replace("8080", "0");
    await using server = await serving(command, { cwd });
    const client = join(cwd, "client-at-port.ts");
    writeFileSync(client, atAddress(readmeCode("// client.ts"), server.url));
    const output = await shell(`node ${client}`, { cwd });
    expect(output.endsWith(readmeCode("Hello, Ada."))).toBe(true);
    expect(await (await fetch(server.url)).text()).toContain("<title>Pigeonhole</title>");
  });

  test("says its version", async () => {
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    expect(await shell("npx pigeonhole --version", { cwd })).toBe(`${version}\n`);
  });

  test("has types that the README's code agrees with, and that agree with each other", async () => {
    writeFileSync(
      join(cwd, "proto.ts"),
      `import { createClient as createRawClient, createRouterTransport } from "@connectrpc/connect";
       import { TaskService } from "pigeonhole/proto";
       import { createClient } from "pigeonhole/client";
       import { serve } from "pigeonhole";
       const method = TaskService.method.createTask;
       // @ts-expect-error: there is none, or else the types were not found.
       const none = TaskService.method.none;
       // What is inferred can be written into the declarations of who uses it.
       const { tasks, schedules, webhooks, tokens } = createClient({ baseUrl: "" });
       export const create = () => tasks.create({ agent: "" });
       export const send = () => tasks.send("", "");
       export const cancelEvent = () => tasks.cancelEvent("", "");
       export const redrive = () => tasks.redrive("", { all: true });
       export const list = () => tasks.list();
       export const view = () => tasks.view("");
       export const subscribe = () => tasks.subscribe("");
       export const trigger = () => schedules.trigger("");
       export const post = () => webhooks.create({ url: "", agent: "" });
       export const allow = () => tokens.list();
       export const raw = createRawClient(TaskService, createRouterTransport(() => {}));
       export const input = TaskService.method.listTasks.input;
       export const url: Promise<string> = serve({ agents: [] }).then((server) => server.url);
       // @ts-expect-error: it is a string.
       export const id: Promise<number> = createClient({ baseUrl: "" }).tasks.get("").then((task) => task.id);`,
    );
    const compilerOptions = {
      target: "es2024",
      lib: ["es2024", "dom", "dom.iterable"],
      module: "nodenext",
      types: [],
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      declaration: true,
      noEmit: true,
    };
    writeFileSync(join(cwd, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
    expect(await shell("tsc -p . || true", { cwd })).toBe("");
  });
});
