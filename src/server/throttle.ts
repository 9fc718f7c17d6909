import type { Millis } from "./store/records.ts";

/** Makes what tells whether something may be done again: at most once in `interval` ms, so that strangers cannot fill a log. */
export function createThrottle(now: () => Millis, interval: Millis): () => boolean {
  let last = Number.NEGATIVE_INFINITY;
  return () => {
    const time = now();
    // A clock that was set back is no reason to say nothing.
    if (time >= last && time - last < interval) return false;
    last = time;
    return true;
  };
}
