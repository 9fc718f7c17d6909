import type { Load } from "./rate.ts";

/**
 * Runs `work` again and again with `concurrency` at a time, and tells how many ended a second.
 * What is under way when the time is over is waited for, and does not count for the rate.
 */
export async function closedLoop(
  concurrency: number,
  seconds: number,
  work: (worker: number) => Promise<void>,
): Promise<Load> {
  const end = performance.now() + seconds * 1_000;
  let inTime = 0;
  let count = 0;
  const worker = async (_: unknown, index: number) => {
    while (performance.now() < end) {
      await work(index);
      count++;
      if (performance.now() < end) inTime++;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return { perSecond: inTime / seconds, count };
}
