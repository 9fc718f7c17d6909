import type { Clock } from "./clock.ts";
import { pause } from "./pause.ts";
import type { Millis } from "./store/records.ts";

/** How long a refusal is held back. */
const delay: Millis = 1000;
/** How many are held back at once: one more is told at once. */
const most = 10_000;

/**
 * Makes a function that resolves after a moment, or once the signal is aborted.
 *
 * Whoever is refused and comes again at once would keep the server busy with refusing, and all that it has taken waiting for that. Held
 * back, such a caller costs a timer and its stream.
 */
export function createHoldBack(clock: Clock): (signal: AbortSignal) => Promise<void> {
  let held = 0;
  return async (signal) => {
    if (held >= most) return;
    held += 1;
    await pause(clock, delay, signal);
    held -= 1;
  };
}
