import { chmodSync, copyFileSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";
import { backupStore, restoreStore } from "../src/server/store-maintenance.ts";
import { createScene } from "./store-contract/scene.ts";
import { openStore, tempDir } from "./temp-dir.ts";

it.each([
  [
    "no database",
    (path: string) => writeFileSync(path, "Dear database, ".repeat(1000)),
    "file is not a database",
  ],
  [
    "another program's database",
    (path: string) => new DatabaseSync(path).exec("create table letters (x)"),
    "it is another program's database",
  ],
])("restoring %s names the file that was given, and leaves nothing behind", (_, write, why) => {
  const folder = tempDir();
  const file = join(tempDir(), "junk.db");
  write(file);
  const restore = () =>
    restoreStore(file, `sqlite:${join(folder, "store.db")}`, { force: false, now: new Date() });
  expect(restore).toThrow(`${file} is no backup that can be restored: ${why}`);
  expect(readdirSync(folder).filter((name) => !name.endsWith("-lock"))).toEqual([]);
});

it("a backup is whole in the place of a store that was left within a transaction", async () => {
  const folder = tempDir();
  const within = (name: string) => join(folder, name);
  const store = await openStore(within("store.db"));
  const backUp = (name: string) =>
    backupStore(`sqlite:${within("store.db")}`, within(name), { force: false });
  const { create, id } = createScene(store);
  const params = new Uint8Array(50_000);
  await create({ params });
  await backUp("small.db");
  for (let n = 0; n < 20; n++) await create({ taskId: id(`${n}`), params });
  await backUp("large.db");

  // Copied with the journal that is to undo what is half written: what a process leaves that dies there.
  const db = new DatabaseSync(within("small.db"));
  db.exec(
    "pragma cache_size = 1; begin immediate; update tasks set agent = ''; update task_params set params = zeroblob(500000)",
  );
  for (const suffix of ["", "-journal"])
    copyFileSync(within(`small.db${suffix}`), within(`left.db${suffix}`));
  db.exec("rollback");
  db.close();

  restoreStore(within("large.db"), `sqlite:${within("left.db")}`, { force: true, now: new Date() });
  const restored = new DatabaseSync(within("left.db"));
  expect(restored.prepare("pragma integrity_check(1)").get()).toEqual({ integrity_check: "ok" });
  restored.close();
});

it("a copy has the permissions of what it is of, or is put in the place of", async () => {
  const folder = tempDir();
  const [path, file, other] = [join(folder, "store.db"), join(folder, "backup.db"), join(folder, "new.db")];
  const permissions = (name: string) => statSync(name).mode & 0o777;
  await (await openStore(path)).close();
  chmodSync(path, 0o600);
  await backupStore(`sqlite:${path}`, file, { force: false });
  expect(permissions(file)).toBe(0o600);

  // Of a backup that nobody may write to, a server makes a store that it may.
  chmodSync(file, 0o440);
  restoreStore(file, `sqlite:${other}`, { force: false, now: new Date() });
  expect(permissions(other)).toBe(0o640);
  restoreStore(file, `sqlite:${path}`, { force: true, now: new Date() });
  expect(permissions(path)).toBe(0o600);
});

it("a backup does not take the place of the store that it is of, nor of a part of it, by whatever name", async () => {
  const path = join(tempDir(), "store.db");
  await openStore(path);
  const link = join(tempDir(), "link.db");
  symlinkSync(path, link);
  const { ino } = statSync(path);
  for (const file of [path, link, `${path}-wal`, `${path}-lock`]) {
    await expect(backupStore(`sqlite:${path}`, file, { force: true })).rejects.toMatchObject({
      reason: "VALUE_INVALID",
      message: `${file} is the store itself: a backup is another file`,
    });
  }
  expect(statSync(path).ino).toBe(ino);
});

it("a store that is in use is neither taken for a backup nor replaced by one, also where a link leads to it", async () => {
  const [path, other] = [join(tempDir(), "store.db"), join(tempDir(), "other.db")];
  const folder = tempDir();
  const [link, target] = [join(folder, "link.db"), join(folder, "target.db")];
  symlinkSync(path, link);
  const store = await openStore(path);
  await createScene(store).create();
  await openStore(other);
  const restore = () => restoreStore(link, `sqlite:${target}`, { force: false, now: new Date() });
  expect(restore).toThrow(`${link} has a log beside it: it is a store in use, and no backup`);
  await expect(backupStore(`sqlite:${other}`, link, { force: true })).rejects.toThrow(
    `${link} has a log beside it: it is a store in use, and not replaced`,
  );
  // A part of the store is one, whichever name of the store was given.
  await expect(backupStore(`sqlite:${link}`, `${path}-lock`, { force: true })).rejects.toThrow(
    `${path}-lock is the store itself: a backup is another file`,
  );
});

it("a backup does not take the place of a link that has a log beside it: SQLite would take that for its own", async () => {
  const path = join(tempDir(), "store.db");
  await openStore(path);
  const [link, target] = [join(tempDir(), "link.db"), join(tempDir(), "target.db")];
  writeFileSync(target, "");
  symlinkSync(target, link);
  writeFileSync(`${link}-wal`, "what was left");
  await expect(backupStore(`sqlite:${path}`, link, { force: true })).rejects.toThrow(
    `${link} has a log beside it: it is a store in use, and not replaced`,
  );
});
