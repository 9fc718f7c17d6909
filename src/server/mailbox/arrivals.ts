import type { Clock } from "../clock.ts";
import type { Millis } from "../store/records.ts";
import type { Store } from "../store/store.ts";

/**
 * Tells whether events may have come into a task's mailbox since the store was last asked, so that asking again and again costs nothing. It
 * listens to the store from the first question on, until it is closed.
 */
export interface Arrivals {
  /** Whether there may be events, or events to steer by. */
  expected(steering: boolean): boolean;
  /** Notes that the store is being asked: what comes from here on counts as new. */
  looked(steering: boolean): void;
  /** Notes that the store had some, so that it may have more. */
  seen(): void;
  /** Waits until some may have come, or the time is up. Rejects with the signal's reason. */
  wait(steering: boolean, time: Millis, signal: AbortSignal): Promise<void>;
  close(): void;
}

export function createArrivals(store: Pick<Store, "watch">, taskId: string, clock: Clock): Arrivals {
  let any = true;
  let steering = true;
  let unwatch: (() => void) | undefined;
  let wake = () => {};

  return {
    expected: (bySteering) => (bySteering ? steering : any),
    looked(bySteering) {
      unwatch ??= store.watch(({ grown }) => {
        if (grown.includes(taskId)) seen();
      });
      // Where none wait at all, there are none to steer by either.
      steering = false;
      if (!bySteering) any = false;
    },
    seen,
    async wait(bySteering, time, signal) {
      signal.throwIfAborted();
      if (bySteering ? steering : any) return;
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const onAbort = () => reject(signal.reason);
      const disarm = clock.timer(time, resolve);
      signal.addEventListener("abort", onAbort, { once: true });
      wake = resolve;
      try {
        await promise;
      } finally {
        wake = () => {};
        disarm();
        signal.removeEventListener("abort", onAbort);
      }
    },
    close() {
      unwatch?.();
    },
  };

  function seen(): void {
    any = true;
    steering = true;
    wake();
  }
}
