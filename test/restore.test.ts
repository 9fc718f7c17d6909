import { copyFileSync, readdirSync, writeFileSync } from "node:fs";
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
