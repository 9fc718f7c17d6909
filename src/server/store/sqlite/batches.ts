import type { DatabaseSync } from "node:sqlite";
import { TaskError } from "../../errors.ts";
import type { Millis } from "../records.ts";
import { type Changes, createChanges } from "./changes.ts";
import { isStorageError, isSyncError, takeBack, unavailable } from "./database.ts";
import { forgetPolicies } from "./policies.ts";
import type { BatchResult, Call, CallResult } from "./protocol.ts";
import { saveTasks } from "./save-tasks.ts";
import { createSql } from "./sql.ts";
import { transactions } from "./transactions.ts";
import { createTx, type Tx } from "./tx.ts";

/** Runs calls on a connection, many at a time. */
export interface Batches {
  /**
   * Runs a whole batch in one SQLite transaction, so that one fsync serves all (group commit). Each call has a savepoint of its own: one
   * that fails undoes itself alone. If the storage fails, the whole batch fails and nothing of it was written.
   */
  write(calls: Call[]): BatchResult;
  /** Runs each call in a transaction that writes nothing. */
  read(calls: Call[]): BatchResult;
}

/** Makes the batches of a connection. `measured`: tells what each that writes has done and taken. */
export function createBatches(
  db: Pick<DatabaseSync, "exec" | "isTransaction" | "prepare">,
  measured = false,
): Batches {
  const sql = createSql(db);
  return { write: writeBatch, read: (calls) => ({ results: calls.map(inTransaction) }) };

  function writeBatch(calls: Call[]): BatchResult {
    const changes = createChanges(sql);
    try {
      const begun = process.hrtime.bigint();
      db.exec("begin immediate");
      const results = calls.map((call) => inSavepoint(call, changes));
      const done = process.hrtime.bigint();
      db.exec("commit");
      const result = { results, ...changes.commit() };
      if (!measured) return result;
      const committed = process.hrtime.bigint();
      const [transaction, commit] = [seconds(committed - begun), seconds(committed - done)];
      return { ...result, measures: { writes: calls.length, transaction, commit, events: changes.events } };
    } catch (error) {
      if (db.isTransaction) db.exec("rollback");
      if (isSyncError(error)) takeBack(db);
      forgetPolicies(sql);
      const failure = failed(unavailable("the store cannot write", error));
      return { results: calls.map(() => failure) };
    }
  }

  function inSavepoint(call: Call, changes: Changes): CallResult {
    const tx = createTx(sql);
    sql.run`savepoint call`;
    try {
      const value = run(call, tx);
      saveTasks(tx, timeOf(call));
      sql.run`release call`;
      changes.add(tx);
      return { value };
    } catch (error) {
      // SQLite may have undone the whole transaction by itself.
      if (!db.isTransaction || isStorageError(error)) throw error;
      db.exec("rollback to call; release call");
      return failed(error);
    }
  }

  function inTransaction(call: Call): CallResult {
    db.exec("begin");
    try {
      return { value: run(call, createTx(sql)) };
    } catch (error) {
      return failed(isStorageError(error) ? unavailable("the store cannot read", error) : error);
    } finally {
      if (db.isTransaction) db.exec("commit");
    }
  }
}

function seconds(nanoseconds: bigint): number {
  return Number(nanoseconds) / 1e9;
}

function run(call: Call, tx: Tx): unknown {
  // The caller's types say that name and arguments belong together; a message between threads has lost them.
  const transaction = transactions[call.name] as (tx: Tx, args: unknown) => unknown;
  return transaction(tx, call.args);
}

/** The time that a call is made at, which every call that changes a task says. */
function timeOf({ args }: Call): Millis {
  if (typeof args !== "object" || args === null || !("now" in args) || typeof args.now !== "number") return 0;
  return args.now;
}

function failed(error: unknown): CallResult {
  if (error instanceof TaskError) {
    const { reason, message, details, cause } = error;
    return { reason, message, details, cause };
  }
  return { reason: "INTERNAL", message: "the store failed", details: {}, cause: error };
}
