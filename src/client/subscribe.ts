import type { Client } from "@connectrpc/connect";
import { Code } from "@connectrpc/connect";
import type { TaskService, TaskUpdate } from "../proto.ts";
import { abortable, delay, linkController, startTimer } from "./abort.ts";
import { isUnreadable, PigeonholeError, toPigeonholeError, unreadable } from "./pigeonhole-error.ts";
import { backoff, isRetryable, type RetryPolicy } from "./retry.ts";

/** How to follow a task. Times are in milliseconds. */
export interface SubscribeOptions {
  /** The sequence after which to begin: that of the last update seen. 0n, from the start, by default. */
  afterSequence?: bigint;
  /** Whether to show heartbeats. False by default. */
  heartbeats?: boolean;
  /** Ends the subscription; it then throws the signal's reason. */
  signal?: AbortSignal;
  /**
   * How long nothing at all may come before the connection is taken for dead. 45,000 by default, three times the server's
   * interval between heartbeats.
   */
  idleTimeout?: number;
  /** How many times in a row it may break without anything new in between, before it throws. Infinity by default. */
  maxAttempts?: number;
  /** Called when it broke, with the reason and the wait until it resumes: what a status line shows. */
  onInterrupt?: (error: PigeonholeError, wait: number) => void;
}

/**
 * Follows a task's log, and resumes by itself after the last update seen when the connection breaks.
 *
 * See TasksClient.subscribe for what the caller may rely on.
 */
export async function* subscribe(
  rpc: Client<typeof TaskService>,
  policy: RetryPolicy,
  taskId: string,
  options: SubscribeOptions,
): AsyncGenerator<TaskUpdate, void, undefined> {
  const {
    heartbeats = false,
    signal,
    idleTimeout = 45_000,
    maxAttempts = Number.POSITIVE_INFINITY,
  } = options;
  let cursor = options.afterSequence ?? 0n;
  let failures = 0;
  for (;;) {
    signal?.throwIfAborted();
    let heard = false;
    try {
      let beats = 0;
      for await (const update of connect(rpc, taskId, cursor, idleTimeout, signal)) {
        heard = true;
        if (update.entry.case === "heartbeat") {
          // The first one ends the replay and comes at once. Only a later one shows that the connection holds.
          if (++beats > 1) failures = 0;
          if (heartbeats) yield update;
        } else if (update.sequence > cursor) {
          failures = 0;
          cursor = update.sequence;
          yield update;
        }
      }
      return;
    } catch (thrown) {
      signal?.throwIfAborted();
      if (isUnreadable(thrown)) {
        const after_sequence = String(cursor);
        throw unreadable(thrown, `the entry after sequence ${after_sequence}`, { after_sequence });
      }
      const error = toPigeonholeError(thrown);
      failures += 1;
      // Credentials that were good have come to their end: whoever gives tokens may have a new one.
      const mayRenew = heard && error.reason === "CREDENTIALS_EXPIRED";
      if (!(isRetryable(error) || mayRenew) || failures >= maxAttempts) throw error;
      const wait = backoff(policy, failures, error);
      options.onInterrupt?.(error, wait);
      await delay(wait, signal);
    }
  }
}

/** Follows a task's log over one call. However it ends, the call is cancelled and nothing listens or ticks any more. */
async function* connect(
  rpc: Client<typeof TaskService>,
  taskId: string,
  afterSequence: bigint,
  idleTimeout: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<TaskUpdate, void, undefined> {
  const { controller, release } = linkController(signal);
  try {
    // 0 keeps a timeout that the transport has for every call from ending this one.
    const responses = rpc.subscribeTask(
      { taskId, afterSequence },
      { signal: controller.signal, timeoutMs: 0 },
    );
    const iterator = responses[Symbol.asyncIterator]();
    for (;;) {
      const result = await watch(iterator.next(), idleTimeout, controller);
      if (result.done === true) return;
      if (result.value.update !== undefined) yield result.value.update;
    }
  } finally {
    release();
    controller.abort();
  }
}

/** Waits for what the server sends next. Aborts the call if it takes too long. */
async function watch<T>(next: Promise<T>, idleTimeout: number, controller: AbortController): Promise<T> {
  const stop = startTimer(idleTimeout, () => {
    const message = `nothing came for ${idleTimeout} ms`;
    controller.abort(new PigeonholeError("CONNECTION_LOST", Code.Unavailable, message));
  });
  try {
    return await abortable(next, controller.signal);
  } finally {
    stop();
  }
}
