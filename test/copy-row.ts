import type { DatabaseSync } from "node:sqlite";

/** Adds copies of a table's one row, with the ids `0`, `1` and so on, each changed once more, as in `created_at = created_at + 1`. */
export function copyRow(db: DatabaseSync, table: "tasks" | "events", count: number, change: string): void {
  db.exec(`begin; create temp table copy as select * from ${table}`);
  const next = db.prepare(`update copy set id = ?, ${change}`);
  const add = db.prepare(`insert into ${table} select * from copy`);
  for (let n = 0; n < count; n++) {
    next.run(`${n}`);
    add.run();
  }
  db.exec("commit");
}
