import { type CallOptions, Code } from "@connectrpc/connect";
import { delay } from "./abort.ts";
import { type PigeonholeError, toPigeonholeError } from "./pigeonhole-error.ts";

/** How calls that failed are tried again. Times are in milliseconds. */
export interface RetryOptions {
  /** How often a call is tried at most, the first time included. 10 by default; 1 never tries again. */
  maxAttempts?: number;
  /** How long the wait after the first failure is at most; each further failure doubles it. 100 by default. */
  initialBackoff?: number;
  /** How long any wait is at most, unless the server asks for more. 5,000 by default. */
  maxBackoff?: number;
  /** How long one try may take, at most 99,999,999, about a day. 20,000 by default. Does not bound subscriptions. */
  attemptTimeout?: number;
  /** How long after its begin a call may still be tried again. 60,000 by default. Does not bound subscriptions. */
  totalTime?: number;
}

/** The longest deadline that a call can have, in whole milliseconds: gRPC has eight digits for it, and a timer not many more. */
const longestDeadline = 99_999_999;

export type RetryPolicy = Required<RetryOptions>;

/** Fills in the defaults. */
export function createRetryPolicy({
  maxAttempts = 10,
  initialBackoff = 100,
  maxBackoff = 5_000,
  attemptTimeout = 20_000,
  totalTime = 60_000,
}: RetryOptions = {}): RetryPolicy {
  return { maxAttempts, initialBackoff, maxBackoff, attemptTimeout, totalTime };
}

/**
 * Makes a call, and makes it again while it fails with something that trying again can mend.
 *
 * Rejects with the last error once the policy's bounds are reached, and with the signal's reason once that is aborted. `mayRepeat`
 * tells which errors of this call are such.
 */
export async function retry<T>(
  policy: RetryPolicy,
  signal: AbortSignal | undefined,
  call: (options: CallOptions) => Promise<T>,
  mayRepeat = isRetryable,
): Promise<T> {
  const begin = performance.now();
  const timeoutMs = Math.min(Math.ceil(policy.attemptTimeout), longestDeadline);
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted();
    try {
      return await call({ timeoutMs, ...(signal && { signal }) });
    } catch (thrown) {
      signal?.throwIfAborted();
      const error = toPigeonholeError(thrown);
      const wait = backoff(policy, attempt, error);
      const inTime = performance.now() - begin + wait <= policy.totalTime;
      if (!mayRepeat(error) || attempt >= policy.maxAttempts || !inTime) throw error;
      await delay(wait, signal);
    }
  }
}

/**
 * Tells whether the same request may succeed if it is sent again as it is.
 *
 * A cancelled call counts if the caller did not cancel it; a deadline counts because it is that of one try.
 */
export function isRetryable(error: PigeonholeError): boolean {
  if (error.reason === "CONNECTION_LOST") return true;
  switch (error.code) {
    case Code.Unavailable:
    case Code.Canceled:
    case Code.DeadlineExceeded:
      return true;
    case Code.ResourceExhausted:
      return error.retryAfter !== undefined;
    default:
      return false;
  }
}

/** Tells whether the same request may succeed if it is sent again, and has had no effect: the server says so itself. */
export function isRefused(error: PigeonholeError): boolean {
  if (error.reason === "CONNECTION_LOST") return false;
  return error.code === Code.Unavailable || (error.code === Code.ResourceExhausted && isRetryable(error));
}

/** Gives a policy for a call whose answer the server may hold back for a time. */
export function withWait(policy: RetryPolicy, wait: number): RetryPolicy {
  return { ...policy, attemptTimeout: policy.attemptTimeout + wait, totalTime: policy.totalTime + wait };
}

/**
 * Tells how long to wait after so many failures in a row: a random part of an exponentially growing time, so that many clients
 * that failed together do not come back together. What the server asks for is added, so that none comes earlier.
 */
export function backoff(policy: RetryPolicy, failures: number, error: PigeonholeError): number {
  const longest = Math.min(policy.maxBackoff, policy.initialBackoff * 2 ** (failures - 1));
  return (error.retryAfter ?? 0) + Math.random() * longest;
}
