import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";
import { restoreStore } from "../src/server/store-maintenance.ts";
import { tempDir } from "./temp-dir.ts";

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
