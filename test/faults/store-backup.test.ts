import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { createClient, EventWait } from "../../src/client/index.ts";
import { backupStore, restoreStore } from "../../src/server/store-maintenance.ts";
import { jsonLines, runToEnd } from "../cli-rig.ts";
import { agentPath, runCli, urlOf } from "../crash-process.ts";
import { openStore, tempDir } from "../temp-dir.ts";

/** Runs a command of the store's to its end. */
async function run(...args: string[]) {
  const { code, stdout, stderr } = await runToEnd(args);
  return { code, output: stdout + stderr };
}

/** Serves the scribe, as a process of its own. */
async function serveScribe(store: string) {
  const server = runCli(["serve", agentPath("scribe"), "--port", "0", "--store", store, "--drain", "0"]);
  const { tasks } = createClient({ baseUrl: await urlOf(server) });
  return { server, tasks };
}

describe("a backup of a server under load", () => {
  it("has all that was acknowledged before it began, and a server goes on from it", async () => {
    const folder = tempDir();
    const live = `sqlite:${join(folder, "live.db")}`;
    const copy = `sqlite:${join(folder, "copy.db")}`;
    const file = join(folder, "backup.db");
    const first = await serveScribe(live);
    await using _ = first.server;
    const acknowledged: { taskId: string; eventId: string }[] = [];
    const enough = Promise.withResolvers<void>();
    let loading = true;
    const load = Array.from({ length: 6 }, async () => {
      const { task } = await first.tasks.create({ agent: "scribe" });
      while (loading) {
        const { event } = await first.tasks.send(task.id, `event ${acknowledged.length}`);
        acknowledged.push({ taskId: task.id, eventId: event.id });
        if (acknowledged.length === 120) enough.resolve();
      }
    });
    await Promise.race([enough.promise, Promise.all(load)]);
    const before = acknowledged.length;
    const backup = await run("backup", file, "--store", live);
    loading = false;
    expect(backup).toMatchObject({ code: 0, output: expect.stringMatching(/is backed up in .*, \d+ bytes/) });
    await Promise.all(load);
    expect(acknowledged.length).toBeGreaterThan(before);

    expect(await run("restore", file, "--store", copy)).toMatchObject({ code: 0 });
    expect(await run("store", "check", "--store", copy)).toMatchObject({ code: 0 });
    // Neither has left anything beside its file.
    expect(readdirSync(folder).filter((name) => !/^(live|copy)\.db(-lock)?|^backup\.db$/.test(name))).toEqual(
      [],
    );
    const second = await serveScribe(copy);
    await using __ = second.server;
    const events = new Map<string, Set<string>>();
    for (const taskId of new Set(acknowledged.map(({ taskId }) => taskId))) {
      await second.tasks.send(taskId, "after", { wait: EventWait.PROCESSED });
      const ids = new Set<string>();
      for await (const { id } of second.tasks.events(taskId)) ids.add(id);
      events.set(taskId, ids);
    }
    for (const { taskId, eventId } of acknowledged.slice(0, before))
      expect(events.get(taskId)?.has(eventId)).toBe(true);
    expect(await run("store", "check", "--store", copy)).toMatchObject({ code: 0 });
  });
});

describe("backup and restore", () => {
  it("replace nothing unless they are told to, and a store that is replaced is kept", async () => {
    const folder = tempDir();
    const [path, file] = [join(folder, "store.db"), join(folder, "backup.db")];
    const store = `sqlite:${path}`;
    const { server } = await serveScribe(store);
    expect(await run("backup", file, "--store", store)).toMatchObject({ code: 0 });
    expect(await run("backup", file, "--store", store)).toMatchObject({
      code: 2,
      output: expect.stringContaining("backup.db is there already"),
    });
    expect(await run("backup", file, "--store", store, "--force")).toMatchObject({ code: 0 });
    expect(await run("backup", path, "--store", store, "--force")).toMatchObject({
      code: 2,
      output: expect.stringContaining("store.db is the store itself: a backup is another file"),
    });
    expect(await run("restore", file, "--store", store)).toMatchObject({
      code: 2,
      output: expect.stringContaining("store.db is there already"),
    });
    expect(await run("restore", file, "--store", store, "--force")).toMatchObject({
      code: 1,
      output: expect.stringContaining("another server is using the database"),
    });
    server.kill("SIGKILL");
    await server.exited;
    const log = readFileSync(`${path}-wal`);
    expect(log.length).toBeGreaterThan(0);
    const { code, stdout } = await runToEnd(["restore", file, "--store", store, "--force", "--json"]);
    const [result] = jsonLines(stdout);
    expect({ code, ...result }).toMatchObject({ code: 0, store, file });
    expect(readFileSync(`${result?.replaced}-wal`).equals(log)).toBe(true);
    expect(existsSync(`${path}-wal`)).toBe(false);
    expect(await run("store", "check", "--store", store)).toMatchObject({ code: 0 });
    expect(await run("store", "check", "--store", `sqlite:${result?.replaced}`)).toMatchObject({ code: 0 });
  });

  it.each([
    ["unfinished", (file: string) => truncateSync(file, 40_960), /malformed|damaged/],
    ["damaged", tear, /malformed|damaged/],
    ["of a newer version", newer, /its schema is version 99, and this server knows/],
    ["none", (file: string) => writeFileSync(file, "letter ".repeat(9000)), /not a database/],
    ["of another program", foreign, /another program's database|no database of a server/],
    ["in use", (file: string) => writeFileSync(`${file}-wal`, "x"), /has a log beside it/],
    ["being written", (file: string) => writeFileSync(`${file}-journal`, "x"), /has a log beside it/],
  ])("leaves the store alone if the backup is %s", async (_, spoil, message) => {
    const folder = tempDir();
    const file = await makeBackup(folder);
    spoil(file);
    const before = readdirSync(folder);
    const store = `sqlite:${join(folder, "new.db")}`;
    expect(() => restoreStore(file, store, { force: false, now: new Date() })).toThrow(message);
    expect(readdirSync(folder).sort()).toEqual([...before, "new.db-lock"].sort());
  });

  it("are of one moment, however much is written before the last page is copied", async () => {
    const folder = tempDir();
    const path = join(folder, "store.db");
    const store = await openStore(path);
    const writer = new DatabaseSync(path);
    const insert = writer.prepare("insert into task_params values (?, zeroblob(?))");
    for (let n = 0; n < 30; n++) insert.run(`before ${n}`, 1024 * 1024);
    const shares: number[] = [];
    const file = join(folder, "backup.db");
    const onProgress = (share: number) => {
      shares.push(share);
      insert.run(`meanwhile ${shares.length}`, 1);
    };
    await backupStore(`sqlite:${path}`, file, { force: false, onProgress });
    writer.close();
    await store.close();
    expect(shares.length).toBeGreaterThan(2);
    expect(shares).toEqual(shares.toSorted((a, b) => a - b));
    const copy = new DatabaseSync(file);
    expect(copy.prepare("select count(*) as n from task_params").get()).toEqual({ n: 30 });
    copy.close();
  });

  it("are refused of a store that is no file", async () => {
    const { code, output } = await run("store", "check", "--store", "memory:");
    expect({ code, output }).toEqual({ code: 2, output: expect.stringContaining("sqlite:PATH") });
  });
});

/** Makes a backup of a store that was just begun. */
async function makeBackup(folder: string): Promise<string> {
  const store = await openStore(join(folder, "store.db"));
  const file = join(folder, "backup.db");
  await backupStore(`sqlite:${join(folder, "store.db")}`, file, { force: false });
  await store.close();
  return file;
}

function tear(file: string): void {
  const bytes = readFileSync(file);
  bytes.fill(0x5a, 4096 * 3, 4096 * 9);
  writeFileSync(file, bytes);
}

function newer(file: string): void {
  const db = new DatabaseSync(file);
  db.exec("pragma user_version = 99");
  db.close();
}

function foreign(file: string): void {
  const db = new DatabaseSync(file);
  db.exec("pragma application_id = 1");
  db.close();
}
