import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { TaskError } from "../../errors.ts";
import type { Millis } from "../records.ts";
import { type Changes, createChanges } from "./changes.ts";
import { isStorageError, openDatabase, openReader, unavailable } from "./database.ts";
import { forgetPolicies } from "./policies.ts";
import type { BatchResult, Call, CallResult, WorkerSetup } from "./protocol.ts";
import { saveTasks } from "./save-tasks.ts";
import { createSql } from "./sql.ts";
import { transactions } from "./transactions.ts";
import { createTx, type Tx } from "./tx.ts";

/** The most calls of a batch. Writes gain from large ones; of reads, a batch is the memory that their pages take on the way. */
const maxBatch = { writer: 1_024, reader: 64 };

/**
 * A thread with one connection. It takes the calls that have come, and answers them with one message; null closes it.
 *
 * The writer runs a whole batch in one SQLite transaction, so that one fsync serves all (group commit). Each call has a savepoint of its
 * own: one that fails undoes itself alone. If the storage fails, the whole batch fails and nothing of it was written.
 */
const { path, role, measured = false }: WorkerSetup = workerData;
const db = role === "writer" ? openDatabase(path) : openReader(path);
const sql = createSql(db);
const runBatch = role === "writer" ? writeBatch : readBatch;

parentPort?.on("message", (first: Call[] | null) => {
  const calls: Call[] = [];
  let next: Call[] | null | undefined = first;
  for (; next; next = calls.length < maxBatch[role] ? arrived() : undefined) calls.push(...next);
  if (calls.length > 0) parentPort?.postMessage(runBatch(calls));
  if (next === null) {
    db.close();
    parentPort?.close();
  }
});
// Says that the database is open.
parentPort?.postMessage(null);

/** Takes a message that has come since the thread last looked, if one has. */
function arrived(): Call[] | null | undefined {
  return parentPort === null ? undefined : receiveMessageOnPort(parentPort)?.message;
}

function writeBatch(calls: Call[]): BatchResult {
  const changes = createChanges(sql);
  try {
    const begun = performance.now();
    db.exec("begin immediate");
    const results = calls.map((call) => inSavepoint(call, changes));
    const done = performance.now();
    db.exec("commit");
    const result = { results, ...changes.commit() };
    if (!measured) return result;
    const committed = performance.now();
    const [transaction, commit] = [(committed - begun) / 1000, (committed - done) / 1000];
    return { ...result, measures: { writes: calls.length, transaction, commit, events: changes.events } };
  } catch (error) {
    if (db.isTransaction) db.exec("rollback");
    forgetPolicies(sql);
    const failure = unavailable("the store cannot write", error);
    return { results: calls.map(({ id }) => failed(id, failure)) };
  }
}

function readBatch(calls: Call[]): BatchResult {
  return { results: calls.map(inTransaction) };
}

function inSavepoint(call: Call, changes: Changes): CallResult {
  const tx = createTx(sql);
  db.exec("savepoint call");
  try {
    const value = run(call, tx);
    saveTasks(tx, timeOf(call));
    db.exec("release call");
    changes.add(tx);
    return { id: call.id, value };
  } catch (error) {
    // SQLite may have undone the whole transaction by itself.
    if (!db.isTransaction || isStorageError(error)) throw error;
    db.exec("rollback to call; release call");
    return failed(call.id, error);
  }
}

function inTransaction(call: Call): CallResult {
  db.exec("begin");
  try {
    return { id: call.id, value: run(call, createTx(sql)) };
  } catch (error) {
    return failed(call.id, isStorageError(error) ? unavailable("the store cannot read", error) : error);
  } finally {
    if (db.isTransaction) db.exec("commit");
  }
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

function failed(id: number, error: unknown): CallResult {
  if (error instanceof TaskError) {
    const { reason, message, details, cause } = error;
    return { id, reason, message, details, cause };
  }
  return { id, reason: "INTERNAL", message: "the store failed", details: {}, cause: error };
}
