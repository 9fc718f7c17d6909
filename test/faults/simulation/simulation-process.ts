// A process that simulates: of the seeds from `seed` on, every `stride`-th, until there are `runs`. It tells its parent what they came to.
import { coverageOf } from "../../crash-coverage.ts";
import { simulate } from "./simulate.ts";
import { addCounts, type Batch, type BatchCounts } from "./simulate-many.ts";

// Nobody waits for what it comes to any more.
process.once("disconnect", () => process.exit());

const { seed, runs, stride }: Batch = JSON.parse(process.argv[2] ?? "");
const totals: BatchCounts = { counts: {}, covered: {}, failures: [] };
for (let run = 0; run < runs; run++) {
  const { violations, lately, moves, kills, zombies, stops, history, played } = await simulate(
    seed + run * stride,
  );
  const events = history.tasks.reduce((sum, { end }) => sum + end.events.length, 0);
  addCounts(totals.counts, { seeds: 1, moves, kills, zombies, stops, tasks: history.tasks.length, events });
  addCounts(totals.covered, { ...coverageOf([history]), ...played });
  if (violations.length === 0) continue;
  totals.failures.push({ seed: seed + run * stride, violations, lately });
  break;
}
process.send?.(totals, () => process.disconnect?.());
