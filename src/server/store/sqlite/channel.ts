import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import { TaskError } from "../../errors.ts";
import { unavailable } from "./database.ts";
import type { BatchResult, Call, CallResult, WorkerSetup } from "./protocol.ts";
import type { TransactionName, Transactions } from "./transactions.ts";

/** The most calls that may wait. */
const maxWaiting = 16_384;

/** The most calls of a batch. Writes gain from large ones; of reads, a batch is the memory that their pages take on the way. */
const maxBatch = { writer: 1_024, reader: 64 };

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
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/**
 * Starts a worker. At most one batch is under way; what is called meanwhile goes into the next (group commit), so that a batch grows
 * with the load and a lone call waits for nothing.
 *
 * `onCommit` is called after each batch with the tasks whose logs grew. Rejects if the worker cannot open its database.
 */
export async function openChannel(
  setup: WorkerSetup,
  onCommit: (taskIds: string[]) => void,
): Promise<Channel> {
  const worker = new Worker(new URL(`./worker${extname(import.meta.url)}`, import.meta.url), {
    workerData: setup,
    // Not those of the process, which may be about its main module, such as --input-type.
    execArgv: [],
  });
  let waiting: Waiting[] = [];
  let underWay: Waiting[] = [];
  let nextId = 1;
  let gone: TaskError | undefined;
  let closed: Promise<void> | undefined;

  const opened = Promise.withResolvers<void>();
  const drained = Promise.withResolvers<void>();
  const exited = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
  worker.on("message", (batch: BatchResult | null) => {
    if (batch === null) opened.resolve();
    else settle(batch);
  });
  worker.on("error", (error) => lose(error));
  worker.on("exit", () => lose(new Error("its thread has ended")));
  await opened.promise;
  return { call, close };

  function call<Name extends TransactionName>(name: Name, args: Parameters<Transactions[Name]>[1]) {
    return new Promise<ReturnType<Transactions[Name]>>((resolve, reject) => {
      if (gone !== undefined) return reject(gone);
      if (waiting.length >= maxWaiting) {
        return reject(new TaskError("OVERLOADED", "the store is behind with its work", { retryAfter: 1000 }));
      }
      const settled = resolve as (value: unknown) => void;
      waiting.push({ call: { id: nextId++, name, args }, resolve: settled, reject });
      if (waiting.length === 1 && underWay.length === 0) queueMicrotask(send);
    });
  }

  function send(): void {
    if (underWay.length > 0) return;
    underWay = waiting.slice(0, maxBatch[setup.role]);
    waiting = waiting.slice(underWay.length);
    if (underWay.length === 0) {
      if (gone !== undefined) drained.resolve();
      return;
    }
    try {
      worker.postMessage(underWay.map(({ call }) => call));
    } catch {
      // Nothing was sent. A call whose arguments cannot be cloned fails alone; the others go with the next batch.
      waiting = [...underWay.filter(isCloneable), ...waiting];
      underWay = [];
      send();
    }
  }

  function settle({ results, touched }: BatchResult): void {
    const batch = underWay;
    underWay = [];
    send();
    results.forEach((result, index) => {
      if (batch[index] !== undefined) answer(batch[index], result);
    });
    if (touched.length > 0) onCommit(touched);
  }

  function answer({ resolve, reject }: Waiting, result: CallResult): void {
    if ("value" in result) resolve(result.value);
    else reject(new TaskError(result.reason, result.message, result.details, { cause: result.cause }));
  }

  function lose(cause: unknown): void {
    gone ??= unavailable("the store has stopped", cause);
    opened.reject(gone);
    // Of those under way nobody knows whether they were committed, which STORE_UNAVAILABLE would deny.
    const unknown = new TaskError("INTERNAL", "the store has stopped during the call", {}, { cause });
    for (const { reject } of underWay) reject(unknown);
    for (const { reject } of waiting) reject(gone);
    underWay = [];
    waiting = [];
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

function isCloneable({ call, reject }: Waiting): boolean {
  try {
    structuredClone(call);
    return true;
  } catch (error) {
    reject(new TaskError("INTERNAL", "the store failed", {}, { cause: error }));
    return false;
  }
}
