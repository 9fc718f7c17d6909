import type { Millis } from "../store/records.ts";

/**
 * Computes how long to wait after the failure number `failures` (counted from 0): the initial backoff, doubled for each before it, at
 * most the greatest, of which `random` (from 0 to 1) picks the upper half, so that what failed together does not come back together.
 */
export function retryDelay(
  { initialBackoff, maxBackoff }: { initialBackoff: Millis; maxBackoff: Millis },
  failures: number,
  random: number,
): Millis {
  const backoff = Math.min(maxBackoff, initialBackoff * 2 ** Math.min(failures, 40));
  return Math.ceil(backoff * (0.5 + random / 2));
}
