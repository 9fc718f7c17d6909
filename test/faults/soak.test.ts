import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { printCounts } from "./faults.ts";
import { plot } from "./soak/plot.ts";
import { drift, type Sample, toCsv } from "./soak/samples.ts";
import { soak } from "./soak/soak.ts";

/** Set SOAK_MINUTES to soak so long, and SOAK_OUT for the folder to write soak.csv and soak.svg to. */
const minutes = Number(process.env.SOAK_MINUTES ?? 0);
const seed = Number(process.env.SOAK_SEED ?? Date.now() % 1_000_000);
const killInterval = Number(process.env.SOAK_KILL_SECONDS ?? 60);
const tasksAtOnce = Number(process.env.SOAK_TASKS ?? 2);

const directory = mkdtempSync(join(tmpdir(), "pigeonhole-soak-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

it.skipIf(minutes === 0)(
  `a load of all kinds leaves memory and latency as they are (SOAK_MINUTES=${minutes} SOAK_SEED=${seed})`,
  { timeout: (minutes + 10) * 60_000 },
  async () => {
    const { samples, violations, counts } = await soak({
      minutes,
      seed,
      killInterval,
      tasksAtOnce,
      directory,
    });
    const out = process.env.SOAK_OUT ?? directory;
    mkdirSync(out, { recursive: true });
    writeFileSync(join(out, "soak.csv"), toCsv(samples));
    writeFileSync(join(out, "soak.svg"), plot(samples));
    printCounts("soak", { ...counts });
    const steady = samples.filter(({ kills, server }) => kills === 0 && server === "never killed");
    const drifts = printDrifts(steady);
    expect(violations).toEqual([]);
    // A tenth of less than that is too few samples to tell.
    if (minutes < 10) return;
    expect(drifts.heap.ratio).toBeGreaterThan(0.9);
    expect(drifts.heap.ratio).toBeLessThan(1.1);
    expect(drifts.ratioP50.ratio).toBeLessThan(1.25);
  },
);

/** Prints how a server that lives changes from the second tenth of the time to the last. */
function printDrifts(samples: Sample[]) {
  const columns = ["heap", "rss", "ratioP50", "ratioP99", "throughput"] as const;
  const drifts = columns.map((column) => [column, drift(samples, column)] as const);
  for (const [column, { begin, last, ratio }] of drifts) {
    printCounts(`soak, ${column}`, { "second tenth": begin, "last tenth": last, ratio });
  }
  return Object.fromEntries(drifts) as Record<(typeof columns)[number], ReturnType<typeof drift>>;
}
