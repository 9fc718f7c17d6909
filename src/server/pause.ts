import type { Clock } from "./clock.ts";
import type { Millis } from "./store/records.ts";

/** Waits for a time, or until a signal aborts. */
export function pause(clock: Clock, delay: Millis, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const disarm = clock.timer(delay, done);
    if (signal.aborted) done();
    else signal.addEventListener("abort", done, { once: true });
    function done() {
      disarm();
      signal.removeEventListener("abort", done);
      resolve();
    }
  });
}
