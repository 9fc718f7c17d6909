import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { createBatches } from "./batches.ts";
import { openDatabase, openReader } from "./database.ts";
import type { Call, WorkerSetup } from "./protocol.ts";

/** The most calls of a batch. Writes gain from large ones; of reads, a batch is the memory that their pages take on the way. */
const maxBatch = { writer: 1_024, reader: 64 };

/** A thread with one connection. It takes the calls that have come, and answers them with one message; null closes it. */
const { path, role, measured = false }: WorkerSetup = workerData;
const db = role === "writer" ? openDatabase(path) : openReader(path);
const { write, read } = createBatches(db, measured);
const runBatch = role === "writer" ? write : read;

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
