import { once } from "node:events";
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";

/** Seeds to simulate. */
export interface Batch {
  seed: number;
  runs: number;
  /** How far one seed is from the next. */
  stride: number;
}

/** What simulations came to. */
export interface BatchCounts {
  counts: Record<string, number>;
  /** How often what a crash can disturb was there to be disturbed. */
  covered: Record<string, number>;
  /** The runs that broke a guarantee: of each thread the first, with which it ended. */
  failures: { seed: number; violations: string[]; lately: string[] }[];
}

/** Simulates so many runs, from a seed on, in as many threads as there are processors. */
export async function simulateMany(seed: number, runs: number): Promise<BatchCounts> {
  const threads = Math.min(availableParallelism(), runs);
  const totals: BatchCounts = { counts: {}, covered: {}, failures: [] };
  await Promise.all(
    Array.from({ length: threads }, async (_, index) => {
      const share = Math.ceil((runs - index) / threads);
      const workerData: Batch = { seed: seed + index, runs: share, stride: threads };
      // Nothing outlives its run, and little room for the young makes them old.
      const resourceLimits = { maxYoungGenerationSizeMb: 64 };
      const url = new URL("./simulation-thread.ts", import.meta.url);
      const worker = new Worker(url, { workerData, resourceLimits });
      const [batch]: BatchCounts[] = await once(worker, "message");
      addCounts(totals.counts, batch?.counts ?? {});
      addCounts(totals.covered, batch?.covered ?? {});
      totals.failures.push(...(batch?.failures ?? []));
    }),
  );
  return totals;
}

export function addCounts(to: Record<string, number>, counts: Record<string, number>): void {
  for (const [what, count] of Object.entries(counts)) to[what] = (to[what] ?? 0) + count;
}
