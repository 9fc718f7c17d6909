import { fork } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { join } from "node:path";

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
  /** The runs that broke a guarantee: of each process the first, with which it ended. */
  failures: { seed: number; violations: string[]; lately: string[] }[];
}

/** Simulates so many runs, from a seed on, in as many processes as there are processors: threads of one would share a heap's helpers. */
export async function simulateMany(seed: number, runs: number): Promise<BatchCounts> {
  const processes = Math.min(availableParallelism(), runs);
  const totals: BatchCounts = { counts: {}, covered: {}, failures: [] };
  await Promise.all(
    Array.from({ length: processes }, async (_, index) => {
      const share = Math.ceil((runs - index) / processes);
      const batch: Batch = { seed: seed + index, runs: share, stride: processes };
      const { counts, covered, failures } = await simulateApart(batch);
      addCounts(totals.counts, counts);
      addCounts(totals.covered, covered);
      totals.failures.push(...failures);
    }),
  );
  return totals;
}

/** Simulates in a process of its own. */
async function simulateApart(batch: Batch): Promise<BatchCounts> {
  const child = fork(join(import.meta.dirname, "simulation-process.ts"), [JSON.stringify(batch)], {
    // Nothing outlives its run, and little room for the young makes them old.
    execArgv: [...process.execArgv, "--max-semi-space-size=32"],
  });
  const ended = once(child, "exit").then(([code, signal]) => {
    throw new Error(`a simulation ended with ${code ?? signal}`);
  });
  const [counts]: BatchCounts[] = await Promise.race([once(child, "message"), ended]);
  if (counts === undefined) throw new Error("a simulation tells nothing");
  return counts;
}

export function addCounts(to: Record<string, number>, counts: Record<string, number>): void {
  for (const [what, count] of Object.entries(counts)) to[what] = (to[what] ?? 0) + count;
}
