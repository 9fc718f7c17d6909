import { type Batches, createBatches } from "../../../src/server/store/sqlite/batches.ts";
import { checkTables, type StoreFinding } from "../../../src/server/store/sqlite/check/check-database.ts";
import { openDatabase } from "../../../src/server/store/sqlite/database.ts";

/** What a disk does before what was written is safe, which a right one does not: what is not safe is lost with the process that wrote it. */
export type Haste = "acknowledges" | "shows";

/** The database of a simulation: that of the SQLite store, in memory, with the store's own transactions, and a say in when they are safe. */
export interface Disk extends Batches {
  /** Whether something is written and not safe yet. Only on a hasty disk. */
  readonly unsafe: boolean;
  /** Makes safe what is written. */
  sync(): void;
  /** Loses what is not safe. */
  lose(): void;
  /** Checks what is on it, as `store check` does. */
  check(now: number): StoreFinding[];
  /** Makes it a new one, that is hasty or is not. Making another takes longer than many a run. */
  empty(hasty: boolean): void;
}

export function createDisk(): Disk {
  const db = openDatabase(":memory:");
  // What there is in a new one stays.
  const tables = db
    .prepare("select name from sqlite_schema where type = 'table'")
    .all()
    .filter(({ name }) => db.prepare(`select 1 from ${name}`).get() === undefined);
  const deletions = tables.map(({ name }) => `delete from ${name}`).join("; ");
  let hasty = false;
  let phase: "write" | "read" | "peek" | undefined;
  let unsafe = false;
  const batches = createBatches({
    exec,
    get isTransaction() {
      return db.isTransaction;
    },
    prepare: (text) => db.prepare(text),
  });
  return {
    ...batches,
    get unsafe() {
      return unsafe;
    },
    sync,
    lose,
    check: (now) => [...checkTables(db, now)].filter((finding) => finding !== undefined),
    empty(isHasty) {
      lose();
      db.exec(`begin; ${deletions}; commit`);
      // Whoever says which agents there are has the rules read anew.
      batches.write([{ name: "putAgents", args: [] }]);
      hasty = isHasty;
    },
  };

  /** Runs a statement, but for the ends of transactions that a hasty disk leaves open. */
  function exec(statement: string): void {
    if (statement === "begin immediate") {
      sync();
      phase = "write";
    } else if (statement === "begin") {
      phase = unsafe ? "peek" : "read";
      if (phase === "peek") return;
    } else if (statement === "commit") {
      const ended = phase;
      phase = undefined;
      if (ended === "peek") return;
      if (ended === "write" && hasty) {
        unsafe = true;
        return;
      }
    }
    db.exec(statement);
  }

  function lose(): void {
    if (unsafe) db.exec("rollback");
    unsafe = false;
  }

  function sync(): void {
    if (unsafe) db.exec("commit");
    unsafe = false;
  }
}
