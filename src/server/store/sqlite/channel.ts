import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import { TaskError } from "../../errors.ts";
import type { Commit } from "../calls.ts";
import type { Measures } from "../store.ts";
import { unavailable } from "./database.ts";
import type { BatchResult, Call, CallResult, WorkerSetup } from "./protocol.ts";
import type { TransactionName, Transactions } from "./transactions.ts";

/** The most calls that may be without an answer, and the most that they may hold: bytes and UTF-16 code units. */
const maxWaiting = 16_384;
const maxWaitingBytes = 268_435_456;

/** How many calls are gathered before they are sent, at most until the event loop has come round: a message costs more than a call. */
const maxGathered = 16;

/** A way to a worker thread's connection. */
export interface Channel {
  /** Runs a transaction in the worker. Rejects with its TaskError, or with OVERLOADED if too many calls wait. */
  call<Name extends TransactionName>(
    name: Name,
    args: Parameters<Transactions[Name]>[1],
  ): Promise<ReturnType<Transactions[Name]>>;
  /** Refuses further calls, lets those that wait finish, and ends the worker, but not before `after` has resolved. */
  close(after?: Promise<void>): Promise<void>;
}

interface Waiting {
  call: Call;
  weight: number;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/**
 * Starts a worker. Calls are sent as they come, and the worker takes together what has come while it was busy (group commit): it works on
 * the first of a burst of requests while the event loop still reads the last, and a lone call waits for nothing.
 *
 * `onCommit` is called after each batch with what it changed, `onMeasures` with what that took. Rejects if the worker cannot open its database.
 */
export async function openChannel(
  setup: WorkerSetup,
  onCommit: (commit: Commit) => void,
  onMeasures?: (measures: Measures) => void,
): Promise<Channel> {
  const worker = new Worker(new URL(`./worker${extname(import.meta.url)}`, import.meta.url), {
    workerData: { ...setup, measured: onMeasures !== undefined },
    // Not those of the process, which may be about its main module, such as --input-type.
    execArgv: [],
  });
  // In the order of the calls, which is that of their answers.
  let underWay: Waiting[] = [];
  let gathered: Waiting[] = [];
  let scheduled: NodeJS.Immediate | undefined;
  let weight = 0;
  let isOpen = false;
  let gone: TaskError | undefined;
  let closed: Promise<void> | undefined;

  const opened = Promise.withResolvers<void>();
  const drained = Promise.withResolvers<void>();
  const exited = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
  worker.on("message", (batch: BatchResult | null) => {
    if (batch !== null) return settle(batch);
    isOpen = true;
    opened.resolve();
  });
  worker.on("error", (error) => lose(error));
  worker.on("exit", () => lose(new Error("its thread has ended")));
  await opened.promise;
  return { call, close };

  function call<Name extends TransactionName>(name: Name, args: Parameters<Transactions[Name]>[1]) {
    return new Promise<ReturnType<Transactions[Name]>>((resolve, reject) => {
      if (gone !== undefined) return reject(gone);
      if (underWay.length + gathered.length >= maxWaiting || weight >= maxWaitingBytes) {
        return reject(new TaskError("OVERLOADED", "the store is behind with its work", { retryAfter: 1000 }));
      }
      const settled = resolve as (value: unknown) => void;
      const waiting = { call: { name, args }, weight: weigh(args), resolve: settled, reject };
      gathered.push(waiting);
      weight += waiting.weight;
      if (gathered.length >= maxGathered) send();
      else scheduled ??= setImmediate(send);
    });
  }

  function send(): void {
    clearImmediate(scheduled);
    scheduled = undefined;
    const batch = gathered;
    gathered = [];
    if (batch.length > 0) post(batch);
    if (gone !== undefined && underWay.length === 0) drained.resolve();
  }

  function post(batch: Waiting[]): void {
    try {
      worker.postMessage(batch.map(({ call }) => call));
      underWay.push(...batch);
    } catch (cause) {
      // Nothing was sent. A call whose arguments cannot be cloned fails alone; the others go on, unless it was none of them.
      const cloneable = batch.filter(isCloneable);
      const others = cloneable.length < batch.length ? cloneable : [];
      for (const waiting of batch) {
        if (others.includes(waiting)) continue;
        weight -= waiting.weight;
        waiting.reject(new TaskError("INTERNAL", "the store failed", {}, { cause }));
      }
      if (others.length > 0) post(others);
    }
  }

  function settle({ results, commit, measures }: BatchResult): void {
    const answered = underWay.splice(0, results.length);
    for (const [index, result] of results.entries()) {
      const waiting = answered[index];
      if (waiting === undefined) continue;
      weight -= waiting.weight;
      answer(waiting, result);
    }
    if (commit !== undefined) onCommit(commit);
    if (measures !== undefined) onMeasures?.(measures);
    if (gone !== undefined && underWay.length === 0) drained.resolve();
  }

  function answer({ resolve, reject }: Waiting, result: CallResult): void {
    if ("value" in result) resolve(result.value);
    else reject(new TaskError(result.reason, result.message, result.details, { cause: result.cause }));
  }

  function lose(cause: unknown): void {
    // A worker that ends by itself leaves nothing to go on with: as with any error that nobody handles, the process is to end, and the
    // next one finds all that was acknowledged. Of one that could not begin, whoever starts it is told.
    if (gone === undefined && isOpen) {
      process.nextTick(() => {
        throw new Error("the store's thread has died", { cause });
      });
    }
    gone ??= unavailable("the store has stopped", cause);
    opened.reject(gone);
    // Of those under way nobody knows whether they were committed, which STORE_UNAVAILABLE would deny.
    const unknown = new TaskError("INTERNAL", "the store has stopped during the call", {}, { cause });
    for (const { reject } of underWay) reject(unknown);
    for (const { reject } of gathered) reject(gone);
    underWay = [];
    gathered = [];
    drained.resolve();
  }

  function close(after?: Promise<void>): Promise<void> {
    gone ??= new TaskError("STORE_UNAVAILABLE", "the store is closed");
    closed ??= end(after);
    return closed;
  }

  async function end(after: Promise<void> | undefined): Promise<void> {
    send();
    await drained.promise;
    await after;
    worker.postMessage(null);
    await exited;
  }
}

function isCloneable({ call }: Waiting): boolean {
  try {
    structuredClone(call);
    return true;
  } catch {
    return false;
  }
}

/** Counts what the arguments of a call hold. */
function weigh(value: unknown): number {
  if (typeof value === "string") return value.length;
  if (value instanceof Uint8Array) return value.byteLength;
  if (typeof value !== "object" || value === null) return 0;
  let sum = 0;
  for (const item of Object.values(value)) sum += weigh(item);
  return sum;
}
