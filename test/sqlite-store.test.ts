import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import type { TaskError } from "../src/server/errors.ts";
import { openChannel } from "../src/server/store/sqlite/channel.ts";
import { checkDatabase } from "../src/server/store/sqlite/check/check-database.ts";
import { openSqliteStore } from "../src/server/store/sqlite/sqlite-store.ts";
import { copyRow } from "./copy-row.ts";
import { cpuTime } from "./cpu-time.ts";
import { at, createScene, errorOf, reasonOf } from "./store-contract/scene.ts";
import { describeStore } from "./store-contract.ts";
import { openStore, tempDir } from "./temp-dir.ts";

describeStore("an SQLite store in memory", async () => {
  const store = await openSqliteStore(":memory:");
  return { store, close: () => store.close() };
});

describeStore("an SQLite store in a file", async () => {
  const dir = mkdtempSync(join(tmpdir(), "pigeonhole-"));
  const path = join(dir, "store.db");
  let store = await openSqliteStore(path);
  return {
    store,
    async reopen() {
      await store.close();
      store = await openSqliteStore(path);
      return store;
    },
    async close() {
      await store.close();
      expect([...checkDatabase(path, 1_800_000_000_000)].filter(Boolean)).toEqual([]);
      rmSync(dir, { recursive: true });
    },
  };
});

describe("openSqliteStore", { timeout: 30_000 }, () => {
  const inUse = /another server is using the database .*; one file serves one server/;
  const text = "no database, but long enough to be looked at. ".repeat(100);

  it("serves a file once, until the store is closed", async () => {
    const path = join(tempDir(), "store.db");
    const store = await openStore(path);
    for (let n = 0; n < 2; n++) {
      const error = await errorOf(openSqliteStore(path));
      expect(error.reason).toBe("STORE_UNAVAILABLE");
      expect(error.message).toMatch(inUse);
    }
    await createScene(store).create();
    await store.close();
    await openStore(path);
  });

  it("knows a file by all its names, also one that was made by a link to nowhere", async () => {
    const dir = tempDir();
    const path = join(dir, "store.db");
    const link = join(dir, "link.db");
    symlinkSync(path, link);
    const first = await openStore(link);
    for (const name of [path, link]) expect((await errorOf(openSqliteStore(name))).message).toMatch(inUse);
    await first.close();
    await openStore(path);
    expect((await errorOf(openSqliteStore(link))).message).toMatch(inUse);
  });

  it("leaves nothing of the state of a task that is deleted", async () => {
    const path = join(tempDir(), "store.db");
    const store = await openSqliteStore(path);
    const { rules, activate, send, turn, commit, id } = createScene(store);
    await rules({ stateHistory: 10 });
    await activate();
    await send("e");
    await commit((await turn()).turn, { changes: { a: "1" }, outcome: { kind: "complete" } });
    await store.deleteTask({ taskId: id("task"), now: at(0) });
    await store.close();
    const db = new DatabaseSync(path);
    expect(db.prepare("select 1 from state_history union select 1 from task_state").all()).toEqual([]);
    db.close();
  });

  it("forgets the keys that were deleted of a task that always has turns side by side", async () => {
    const path = join(tempDir(), "store.db");
    const { rules, activate, send, turn, commit } = createScene(await openStore(path));
    await rules({ parallel: 2 });
    await activate();
    await send("first");
    let { turn: earlier } = await turn();
    for (let n = 0; n < 20; n++) {
      await send(`event ${n}`);
      const { turn: later } = await turn();
      await commit(earlier, { changes: { [`key ${n}`]: "1", [`key ${n - 2}`]: null } });
      earlier = later;
    }
    const db = new DatabaseSync(path);
    expect(db.prepare("select count(*) as n from task_state where value is null").get()).toEqual({ n: 1 });
    db.close();
  });

  it("forgets what triggers began once it is finished, also of a schedule that has no other times", async () => {
    const path = join(tempDir(), "store.db");
    const store = await openStore(path);
    const { agent, cancel, turn, commit, id } = createScene(store);
    await store.createSchedule({
      ...{ name: "by hand", id: id("definition"), agent, nextTime: at(0), paused: true },
      ...{ limit: 1, now: at(0) },
      spec: { cron: "* * * * *", timeZone: "UTC", missed: "latest", overlap: "skip" },
      action: { labels: {} },
    });
    const tasks = Array.from({ length: 20 }, (_, n) => id(`task ${n}`));
    for (const [n, taskId] of tasks.entries()) {
      const event = { id: `${taskId}-e`, content: new Uint8Array() };
      const task = { taskId, agent, labels: {}, event };
      await store.triggerSchedule({ name: "by hand", firing: { time: at(n), task }, now: at(n) });
      const earlier = tasks[n - 1];
      if (earlier === undefined) continue;
      await cancel({ taskId: earlier });
      await commit((await turn({ taskId: earlier })).turn, { taskId: earlier });
    }
    const db = new DatabaseSync(path);
    expect(db.prepare("select count(*) as n from schedule_firings").get()).toEqual({ n: 1 });
    db.close();
  });

  it("refuses another program's database and leaves it as it was", async () => {
    const dir = tempDir();
    const path = join(dir, "store.db");
    const other = new DatabaseSync(path);
    other.exec("create table theirs (a)");
    other.close();
    const before = readFileSync(path);
    const error = await errorOf(openSqliteStore(path));
    expect(error.reason).toBe("STORE_UNAVAILABLE");
    expect(error.message).toContain("it is another program's database");
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(readdirSync(dir).filter((name) => /wal|shm|journal/.test(name))).toEqual([]);
  });

  it("refuses a database of a newer version", async () => {
    const path = join(tempDir(), "store.db");
    await (await openStore(path)).close();
    const newer = new DatabaseSync(path);
    newer.exec("pragma user_version = 999");
    newer.close();
    const error = await errorOf(openSqliteStore(path));
    expect(error.reason).toBe("STORE_UNAVAILABLE");
    expect(error.message).toMatch(/its schema is version 999, and this server knows \d+/);
  });

  it("refuses a file that is no database and leaves it as it was", async () => {
    const path = join(tempDir(), "store.db");
    writeFileSync(path, text);
    const error = await errorOf(openSqliteStore(path));
    expect(error.reason).toBe("STORE_UNAVAILABLE");
    expect(error.message).toContain(path);
    expect(error.message).toContain("file is not a database");
    expect(readFileSync(path, "utf8")).toBe(text);
  });

  it("refuses a folder, and a file in a folder that is not there", async () => {
    const dir = tempDir();
    for (const wrong of [dir, join(dir, "nowhere", "store.db")]) {
      const error = await errorOf(openSqliteStore(wrong));
      expect(error.reason).toBe("STORE_UNAVAILABLE");
      expect(error.message).toContain(wrong);
    }
    expect(readdirSync(dirname(dir))).not.toContain(`${basename(dir)}-lock`);
  });

  it("tells of a thread that cannot begin, and the process goes on", async () => {
    const path = join(tempDir(), "gone", "store.db");
    for (const role of ["writer", "reader"] as const) {
      const error = await errorOf(openChannel({ path, role }, () => {}));
      expect(error.reason).toBe("STORE_UNAVAILABLE");
      expect(error.message).toContain("unable to open database file");
    }
  });

  it("opens a file that it refused, once that is in order", async () => {
    const path = join(tempDir(), "store.db");
    writeFileSync(path, text);
    expect(await reasonOf(openSqliteStore(path))).toBe("STORE_UNAVAILABLE");
    rmSync(path);
    await openStore(path);
  });

  it("leaves nothing in the write-ahead log when the store is closed", async () => {
    const dir = tempDir();
    const store = await openStore(join(dir, "store.db"));
    await createScene(store).create();
    const open = ["store.db", "store.db-lock", "store.db-shm", "store.db-wal"];
    expect(readdirSync(dir).sort()).toEqual(open);
    await store.close();
    expect(readdirSync(dir).sort()).toEqual(open.slice(0, 2));
  });
});

it("a task is found by a name that many have had, without a look at all of them", async () => {
  const path = join(tempDir(), "store.db");
  const store = await openStore(path);
  const { activate, turn, send, commit, id } = createScene(store);
  const name = id("name");
  await activate({ name });
  await send("last");
  await commit((await turn()).turn, { outcome: { kind: "complete" } });
  const db = new DatabaseSync(path);
  copyRow(db, "tasks", 5_000, "created_at = created_at + 1");
  const byName = async () => {
    expect((await store.getTask({ name }))?.id).toBe("4999");
    expect((await store.getTask({ name, owner: "" }))?.id).toBe("4999");
  };
  const all = db.prepare("select * from tasks where name = ? order by created_at");
  const often = (read: () => unknown) =>
    cpuTime(async () => {
      for (let n = 0; n < 20; n++) await read();
    });
  expect(await often(byName)).toBeLessThan((await often(() => all.all(name))) / 5);
  db.close();
});

it("an event that waits is taken back without a look at those that came before", async () => {
  const path = join(tempDir(), "store.db");
  const store = await openStore(path);
  const { activate, turn, send, commit, takeBack, id } = createScene(store);
  await activate();
  await send("first");
  await commit((await turn()).turn);
  const db = new DatabaseSync(path);
  copyRow(db, "events", 60_000, "sequence = sequence + 1");
  db.exec("update tasks set sequence = sequence + 60000");
  db.close();
  await send("last");
  const often = (name: string, outcome: unknown) =>
    cpuTime(async () => {
      for (let n = 0; n < 20; n++) {
        const taken = takeBack(name).then(
          (event) => event.id,
          (error: TaskError) => error.reason,
        );
        expect(await taken).toBe(outcome);
      }
    });
  expect(await often("last", id("last"))).toBeLessThan((await often("nobody", "EVENT_NOT_FOUND")) / 3);
});
