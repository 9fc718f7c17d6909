import { execFile } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join, relative } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { commands } from "../src/cli/commands.ts";
import { exitCodes } from "../src/cli/exit-code.ts";
import { findCommand } from "../src/cli/find-command.ts";
import { flagOfLimit } from "../src/cli/limit-options.ts";
import { ownCommand } from "../src/cli/own-package.ts";
import { completionScript } from "../src/cli/shell-completion.ts";
import { suggest } from "../src/cli/suggest.ts";
import { UsageError } from "../src/cli/usage-error.ts";
import { parseDuration, parseTime } from "../src/cli/values.ts";
import { runToEnd, serveForCli } from "./cli-rig.ts";
import { root } from "./readme-code.ts";

let rig: Awaited<ReturnType<typeof serveForCli>>;
beforeAll(async () => {
  rig = await serveForCli();
});
afterAll(() => rig.close());

describe("the command line", () => {
  it.each([
    [["tsak", "list"], /there is no command "tsak"; did you mean task\?/],
    [["task", "wach", "x"], /there is no command "task wach"; did you mean task watch\?/],
    [["task"], /task needs one of create, list, get, watch/],
    [["send", "t", "x", "--on-bussy", "queue"], /there is no option --on-bussy; did you mean --on-busy\?/],
    [["send", "t", "x", "--on-busy", "interupt"], /--on-busy must be one of .*; did you mean interrupt\?/],
    [["task", "list", "--state", "actve"], /--state must be one of pending, active/],
    [["send", "t"], /there is nothing to send/],
    [["send", "t", "go", "--timeout", "5m"], /--timeout goes with --wait/],
    [["task", "get"], /task get needs TASK/],
    [["task", "get", "a", "b"], /task get does not take "b"/],
    [["send", "t", "x", "--deliver-in", "soon"], /--deliver-in must be a time such as 30s/],
    [["send", "t", "--data", "{"], /--data must be JSON/],
    [["send", "t", "--file", "/nowhere/at/all"], /--file: .*no such file/],
    [["task", "create", "talker", "--label", "x"], /--label must be KEY=VALUE/],
    [["completion", "bsh"], /did you mean bash\?/],
  ])("refuses %j with 2", async (args, message) => {
    const { code, stdout, stderr } = await rig.run(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/\nTry pigeonhole --help\.\n$/);
  });

  it("is called by the Node of the clone where that runs it, and as the package where that is installed", () => {
    const main = join(root, "src/cli/main.ts");
    const brought = join(root, "node_modules/node/bin/node");
    const here = (path: string) => relative(process.cwd(), path);
    const sources = `--conditions=pigeonhole-source ${here(main)}`;
    expect(ownCommand([brought, main])).toBe(`${here(brought)} ${sources}`);
    expect(ownCommand(["/usr/bin/node", main])).toBe(`node ${sources}`);
    expect(ownCommand([brought, "/app/node_modules/.bin/pigeonhole"])).toBe("npx pigeonhole");
  });

  it("takes options before the command", async () => {
    const { code, stdout } = await runToEnd(["--server", rig.url, "agents"]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining("talker") });
  });

  it.each([
    ["a task that is not there", ["task", "get", "nobody"], 3, "TASK_NOT_FOUND"],
    ["an agent that is not there", ["task", "create", "nobody"], 3, "AGENT_NOT_FOUND"],
    ["a field out of its bounds", ["task", "create", "talker", "--label", "=x=y"], 2, "USAGE"],
    ["a server that is not there", ["agents", "--server", "http://127.0.0.1:1"], 4, "CONNECTION_LOST"],
  ])("tells of %s by its exit code, and as JSON", async (_, args, exitCode, reason) => {
    const { code, stdout, stderr } = await rig.run([...args, "--json"]);
    expect({ code, stdout }).toEqual({ code: exitCode, stdout: "" });
    expect(JSON.parse(stderr)).toMatchObject({ error: { reason, exitCode } });
  });

  it("names the fields that a server refuses", async () => {
    const { code, stderr } = await rig.run(["send", "x".repeat(300), "hi"]);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(/\n {2}\S+: .*256/) });
  });

  it("says that what answers may be no Pigeonhole, and its page which reason that is", async () => {
    const server = createServer((_request, response) => response.writeHead(404).end());
    onTestFinished(() => void server.close());
    await once(server.listen(0, "127.0.0.1"), "listening");
    const { port } = server.address() as AddressInfo;
    const args = ["agents", "--server", `127.0.0.1:${port}`];
    expect(await rig.run(args)).toEqual({
      code: 1,
      stdout: "",
      stderr:
        "pigeonhole: HTTP 404\nThat may be something else than a Pigeonhole of this version. --server says where one is.\n",
    });
    const { error } = JSON.parse((await rig.run([...args, "--json"])).stderr);
    expect(readFileSync(`${root}docs/cli.md`, "utf8")).toContain(`\`${error.reason}\``);
  });

  it.each([
    ["an option", ["--token", "s3cret"], {}],
    ["the environment", [], { PIGEONHOLE_TOKEN: "s3cret" }],
  ])("sends the token of %s as a bearer token", async (_, args, env) => {
    const server = createServer((_request, response) => response.writeHead(401).end());
    onTestFinished(() => void server.close());
    await once(server.listen(0, "127.0.0.1"), "listening");
    const request = once(server, "request");
    const { port } = server.address() as AddressInfo;
    const run = rig.run(["agents", ...args, "--server", `127.0.0.1:${port}`], { env });
    const [{ headers }] = await request;
    expect(headers.authorization).toBe("Bearer s3cret");
    expect((await run).code).toBe(9);
  });
});

describe("the server's code", () => {
  const folder = `${root}src/cli/`;
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".ts"),
  );

  /** What settings are held to, by the server and here alike. It needs nothing else of the server. */
  const rules = [
    "auth/keys-place",
    "errors",
    "http/host-check",
    "http/origin",
    "limit-bounds",
    "require-safe-address",
  ];

  it("is imported by what serves or keeps a store alone, which is loaded for that alone", () => {
    const text = (name: string) => readFileSync(`${folder}${name}`, "utf8");
    const ofServer = new RegExp(`^import (?!type).*/server/(?!(${rules.join("|")})\\.ts")`, "m");
    const users = files.filter((name) => ofServer.test(text(name)));
    expect(users.sort()).toEqual([
      "load-agent.ts",
      "serve-command.ts",
      "start-fault.ts",
      "store-tokens.ts",
      "store-tools.ts",
    ]);
    const importers = files.filter((name) =>
      /from "[./]+(load-agent|serve-command|start-fault|store-tokens|store-tools)\.ts"/.test(text(name)),
    );
    expect(importers).toEqual(["serve-command.ts"]);
    for (const rule of rules) {
      const imports = readFileSync(`${root}src/server/${rule}.ts`, "utf8").match(/^import (?!type).*/gm);
      for (const line of imports ?? []) expect(line).toMatch(/ from "(node:net|\.{1,2}\/errors\.ts)";$/);
    }
  });
});

describe("help", () => {
  it("names every command, and of each its options", async () => {
    const { stdout } = await rig.run(["--help"]);
    for (const { name, args } of commands) expect(stdout).toContain(`  ${name} ${args}`.trimEnd());
    for (const help of [
      ["send", "--help"],
      ["help", "send"],
    ]) {
      const { code, stdout } = await rig.run(help);
      expect(code).toBe(0);
      expect(stdout).toMatch(/^USAGE: pigeonhole send TASK \[TEXT\.\.\.\] \[options\]\n/);
      for (const name of Object.keys(commands.find(({ name }) => name === "send")?.options ?? {}))
        expect(stdout).toMatch(new RegExp(`^  --${name}( <\\w+>)? {2}`, "m"));
    }
    expect((await rig.run(["task", "--help"])).stdout).toMatch(/^USAGE: pigeonhole task COMMAND/);
  });

  it("is told at length in docs/cli.md, each command and each exit code", () => {
    const page = readFileSync(`${root}docs/cli.md`, "utf8");
    for (const { name, args } of commands)
      expect(page).toContain(`\`${`${name} ${args.split(" ")[0]}`.trimEnd()}`.replace("SHELL", "bash"));
    for (const code of Object.values(exitCodes))
      expect(page).toMatch(new RegExp(`^\\| ${code} |; ${code} by`, "m"));
  });

  it("is shown in docs/cli.md by commands and options that there are", () => {
    const page = readFileSync(`${root}docs/cli.md`, "utf8");
    const options = new Set(["json", "help", ...commands.flatMap(({ options }) => Object.keys(options))]);
    for (const [, option = ""] of page.matchAll(/--([a-z][a-z-]*)/g)) expect(options).toContain(option);
    const shown = [
      ...page.matchAll(/^.*\bpigeonhole ((?:task |schedule |webhook |token |store )?[a-z]+) /gm),
    ];
    expect(shown.length).toBeGreaterThan(5);
    const names = commands.map(({ name }) => name);
    for (const [, name] of shown) expect(names).toContain(name);
  });

  it("has options of one kind by one name, so that they can stand before the command", () => {
    const types = new Map<string, string>();
    for (const { options } of commands) {
      for (const [name, { type }] of Object.entries(options)) {
        expect({ name, type }).toEqual({ name, type: types.get(name) ?? type });
        types.set(name, type);
      }
    }
  });
});

describe("a command that is called by another word", () => {
  it.each([
    ["task show", "task get or task watch"],
    ["schedule show", "schedule get"],
    ["token rm", "token revoke"],
    ["start", "serve"],
    ["task send", "send"],
    ["task messages", "messages"],
    ["task constructor", undefined],
  ])("as in %s is taken for %s", (given, meant) => {
    const hint = meant === undefined ? "" : `; did you mean ${meant}?`;
    const find = () => findCommand(commands, given.split(" "));
    expect(find).toThrow(new UsageError(`there is no command "${given}"${hint}`));
  });
});

it("the flag of a limit is found by what a refusal calls it", () => {
  const page = readFileSync(`${root}docs/limits.md`, "utf8");
  for (const name of ["body_bytes", "tasks", "subscriptions", "request_rate", "requests"])
    expect(page).toMatch(new RegExp(`^\\| \`--${flagOfLimit(name)}\` .*\\| \`${name}\` `, "m"));
  expect(flagOfLimit("schedules")).toBeUndefined();
});

describe("a suggestion", () => {
  it.each([
    ["--prot", ["--port", "--host"], "--port"],
    ["wacth", ["watch", "list"], "watch"],
    ["--allow", ["--host", "--allow-private-webhooks"], "--allow-private-webhooks"],
    ["xyz", ["list", "get"], undefined],
    ["PIGEONHOLE_TOKN", ["PIGEONHOLE_PORT", "PIGEONHOLE_TOKEN"], "PIGEONHOLE_TOKEN"],
    ["PIGEONHOLE_TOKN", ["PIGEONHOLE_PORT"], undefined],
  ])("for %s of %j is %s", (given, words, expected) => {
    expect(suggest(given, words)).toBe(expected);
  });
});

describe("a span of time", () => {
  it.each([
    ["500ms", 500],
    ["1h30m", 5_400_000],
    ["2d", 172_800_000],
  ])("of %s is %d ms", (text, expected) => {
    expect(parseDuration("ttl", text)).toBe(expected);
  });

  it.each([
    ["ttl", "99999999d"],
    ["deliver-in", "99999999999999999999d"],
  ])("--%s of %s is refused before it is taken for a time that cannot be told", (name, text) => {
    const refused = new UsageError(`--${name} must be at most a hundred years, not ${text}`);
    expect(() => parseDuration(name, text)).toThrow(refused);
  });
});

describe("a point in time", () => {
  it.each([
    ["2030-01-31T09:00:00.5Z", "2030-01-31T09:00:00.500Z"],
    ["2030-01-31T09:00+02:00", "2030-01-31T07:00:00.000Z"],
    ["2030-01-31", "2030-01-31T00:00:00.000Z"],
  ])("of %s is %s", (text, expected) => {
    expect(parseTime("deliver-at", text).toISOString()).toBe(expected);
  });

  it.each(["5", "1 2030", "9:00", "10m", "2030-13-45", "2030-02-31", "Jan 31 2030", ""])(
    "is not %j",
    (text) => {
      expect(() => parseTime("deliver-at", text)).toThrow(UsageError);
    },
  );
});

describe("completion", () => {
  it.each([
    [["ta"], "task"],
    [["task", "w"], "watch"],
    [["task", ""], "create list get watch state cancel interrupt delete token"],
    [["schedule", "tr"], "trigger"],
    [["send", "t1", "--on"], "--on-busy"],
    [["send", "t1", "--on-busy", "st"], "steer"],
    [["task", "watch", "t1", "--an"], "--answer"],
    [["send", ""], ""],
  ])("in bash of %j is %j", async (words, expected) => {
    const script = `${completionScript("bash", commands)}
COMP_WORDS=(pigeonhole "$@"); COMP_CWORD=$#; _pigeonhole; echo "\${COMPREPLY[*]}"`;
    const { stdout } = await promisify(execFile)("bash", ["-c", script, "bash", ...words]);
    expect(stdout).toBe(`${expected}\n`);
  });

  it("is printed for each shell", async () => {
    const { stdout } = await rig.run(["completion", "fish"]);
    expect(stdout).toContain(
      "complete -c pigeonhole -n '__fish_seen_subcommand_from send' -l on-busy -r -f -a",
    );
    expect((await rig.run(["completion", "zsh"])).stdout).toMatch(/bashcompinit/);
    expect((await rig.run(["completion", "bash"])).stdout).toBe(completionScript("bash", commands));
  });
});
