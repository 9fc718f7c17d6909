import { type Batches, createBatches } from "../../../src/server/store/sqlite/batches.ts";
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
  close(): void;
}

export function createDisk(hasty: boolean): Disk {
  const db = openDatabase(":memory:");
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
    lose() {
      if (unsafe) db.exec("rollback");
      unsafe = false;
    },
    close: () => db.close(),
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

  function sync(): void {
    if (unsafe) db.exec("commit");
    unsafe = false;
  }
}
