/** The longest time that a timer can wait, in milliseconds: a longer one would fire at once. */
const longestTimer = 2 ** 31 - 1;

/** A controller that another signal aborts too, until it is released. */
export interface LinkedController {
  readonly controller: AbortController;
  /** Lets go of the other signal. */
  release(): void;
}

/** Makes a controller that is aborted when `signal` is, with the same reason. */
export function linkController(signal: AbortSignal | undefined): LinkedController {
  const controller = new AbortController();
  const onAbort = () => controller.abort(signal?.reason);
  if (signal?.aborted) onAbort();
  else signal?.addEventListener("abort", onAbort);
  return { controller, release: () => signal?.removeEventListener("abort", onAbort) };
}

/**
 * Settles as `promise` does, or rejects with the signal's reason as soon as it is aborted, whatever becomes of the promise.
 * Leaves no listener behind.
 */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    const release = () => signal.removeEventListener("abort", onAbort);
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(release);
    if (signal.aborted) onAbort();
  });
}

/** Calls back once after a time in milliseconds, and not before, unless stopped by the function it returns. */
export function startTimer(time: number, callback: () => void): () => void {
  const timer = setTimeout(callback, Math.min(Math.ceil(time), longestTimer));
  return () => clearTimeout(timer);
}

/** Resolves after a time in milliseconds; rejects with the signal's reason as soon as it is aborted. */
export async function delay(time: number, signal: AbortSignal | undefined): Promise<void> {
  let stop = () => {};
  const elapsed = new Promise<void>((resolve) => {
    stop = startTimer(time, resolve);
  });
  try {
    await abortable(elapsed, signal);
  } finally {
    stop();
  }
}
