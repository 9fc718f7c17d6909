import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, it, onTestFinished } from "vitest";
import { openStore } from "../src/server/open-store.ts";
import { migrations } from "../src/server/store/sqlite/migrations.ts";
import { jsonLines, runToEnd, serveForCli } from "./cli-rig.ts";
import { agentPath, runCli, urlOf } from "./crash-process.ts";
import { tempDir } from "./temp-dir.ts";

/** Runs the doctor, and gives what it found of each thing. */
async function doctor(...args: string[]) {
  const { code, stdout } = await runToEnd(["doctor", "--json", ...args], { cwd: tempDir() });
  return { code, ...Object.fromEntries(jsonLines(stdout).map(({ what, ...finding }) => [what, finding])) };
}

it("finds nothing amiss where nothing runs yet, and makes nothing", async () => {
  const store = join(tempDir(), "new.db");
  const port = String(await freePort());
  const found = await doctor("--port", port, "--server", `127.0.0.1:${port}`, "--store", `sqlite:${store}`);
  expect(found).toMatchObject({
    code: 0,
    node: { verdict: "ok", message: process.versions.node },
    port: { verdict: "ok", message: `127.0.0.1:${port} is free` },
    store: { message: expect.stringContaining("will be made") },
    server: { verdict: "note", message: expect.stringContaining("nothing answers") },
    clock: { verdict: "ok" },
  });
  expect(existsSync(store)).toBe(false);
});

it("looks at a server that runs, and at its store while it is in use", async () => {
  const store = `sqlite:${join(tempDir(), "used.db")}`;
  const server = runCli(["serve", agentPath("scribe"), "--port", "0", "--store", store]);
  onTestFinished(() => server[Symbol.asyncDispose]());
  const url = await urlOf(server);
  const found = await doctor("--port", new URL(url).port, "--server", url, "--store", store);
  expect(found).toMatchObject({
    code: 0,
    port: { verdict: "note", message: expect.stringContaining("by a server that is healthy") },
    store: { message: expect.stringContaining("is sound") },
    server: { verdict: "ok" },
    clock: { verdict: "ok", message: expect.stringContaining("as the server's") },
  });
});

it("fails for a store that is none, a port that another has, and a clock that goes wrong", async () => {
  const path = join(tempDir(), "letter.db");
  writeFileSync(path, "Dear database, ".repeat(1000));
  const wrong = createHttpServer((_, response) =>
    response.setHeader("date", "Thu, 01 Jan 2026 00:00:00 GMT").end("ok"),
  );
  const other = createServer((socket) => socket.destroy());
  for (const server of [wrong, other]) {
    await once(server.listen(0, "127.0.0.1"), "listening");
    onTestFinished(() => void server.close());
  }
  const [clock, taken] = [wrong, other].map((server) => String((server.address() as AddressInfo).port));
  const found = await doctor(
    "--port",
    taken ?? "",
    "--server",
    `127.0.0.1:${clock}`,
    "--store",
    `sqlite:${path}`,
  );
  expect(found).toMatchObject({
    code: 1,
    port: { verdict: "failed", message: expect.stringContaining("is taken") },
    store: { verdict: "failed", message: expect.stringContaining("not a database") },
    clock: { verdict: "failed", message: expect.stringMatching(/\d+ s apart from the server's/) },
  });
});

it("fails for a store that a server refuses, sound as it may be", async () => {
  const path = join(tempDir(), "notes.db");
  const db = new DatabaseSync(path);
  onTestFinished(() => db.close());
  const { close } = await openStore(`sqlite:${path}`);
  await close();
  const refusal = async (change: string) => {
    db.exec(change);
    const { code, store } = await doctor("--store", `sqlite:${path}`);
    return { code, store };
  };
  const told = (why: string) => ({ verdict: "failed", message: `${path}: no server can use it: ${why}` });
  expect(await refusal("pragma user_version = 1")).toMatchObject({ code: 0, store: { verdict: "ok" } });
  expect(await refusal("pragma user_version = 9999")).toEqual({
    code: 1,
    store: told(`its schema is version 9999, and this server knows ${migrations.length}`),
  });
  expect(await refusal("pragma application_id = 1")).toEqual({
    code: 1,
    store: told("it is another program's database"),
  });
});

it("looks at the store that the environment names, as all do that look at one", async () => {
  const env = { PIGEONHOLE_STORE: "memory:" };
  const { stdout } = await runToEnd(["doctor", "--json"], { cwd: tempDir(), env });
  expect(jsonLines(stdout)).toContainEqual(
    expect.objectContaining({ what: "store", message: "memory: is gone with its server" }),
  );
});

it("says it in lines, a thing each", async () => {
  const rig = await serveForCli();
  onTestFinished(() => rig.close());
  const { stdout } = await rig.run(["doctor", "--store", "memory:", "--port", new URL(rig.url).port]);
  expect(stdout).toMatch(/^ok +node .*\nnote +port .*\nnote +store .*\nok +server .*\nok +clock .*\n$/);
});

/** Finds a port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

it("is told of a Node that is too old, as whatever is asked is, before anything that such a one cannot load", async () => {
  const older = `Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.20.2" } })`;
  const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(older)}` };
  for (const args of [["doctor"], ["serve", agentPath("scribe")], ["--version"]]) {
    const { code, stdout, stderr } = await runToEnd(args, { env });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toBe("pigeonhole: this is Node 20.20.2, and >=24.9 is needed\n");
  }
  const main = readFileSync(new URL("../src/cli/main.ts", import.meta.url), "utf8");
  expect(main.match(/^import .*/gm)).toEqual(['import { nodeFault } from "./node-version.ts";']);
});
