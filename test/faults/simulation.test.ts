import { describe, expect, it } from "vitest";
import { countOf, printCounts, seedOf } from "./faults.ts";
import { bugs } from "./simulation/bugs.ts";
import { simulate } from "./simulation/simulate.ts";
import { simulateMany } from "./simulation/simulate-many.ts";

/** Set SIM_SEED to play what has failed again, SIM_RUNS for more runs or fewer. */
const seed = seedOf("SIM_SEED");
const runs = countOf("SIM_RUNS", { short: 500, long: 100_000 });
/** How many runs a bug may go unnoticed. */
const patience = 200;

describe(`the simulation (SIM_SEED=${seed}, SIM_RUNS=${runs})`, () => {
  // However busy the machine is.
  it("finds that every run keeps the guarantees", { timeout: 60_000 + runs * 2_000 }, async () => {
    const begin = performance.now();
    const { counts, covered, failures } = await simulateMany(seed, runs);
    const minutes = (performance.now() - begin) / 60_000;
    printCounts("simulation", { ...counts, "seeds a minute": Math.round((counts.seeds ?? 0) / minutes) });
    printCounts("simulated", covered);
    for (const { seed, violations, lately } of failures) {
      const command = `SIM_SEED=${seed} SIM_RUNS=1 npm run test:faults -- simulation`;
      const again = [`play it again: ${command}`, "its last moves:", ...lately].join("\n");
      expect.soft(violations, again).toEqual([]);
    }
    const missing = Object.entries(covered).filter(([, count]) => count === 0);
    if (runs >= 400) expect(missing, "what never happened").toEqual([]);
  });

  it("plays the same again for the same seed", async () => {
    const { hash, moves } = await simulate(seed);
    expect(await simulate(seed)).toMatchObject({ hash, moves });
    expect(await simulate(seed + 1)).not.toMatchObject({ hash });
  });
});

describe("the simulation of known bugs", () => {
  const timeout = 60_000 + patience * 2_000;
  it.each(Object.entries(bugs))("catches %s", { timeout }, async (name, bug) => {
    for (let run = 1; run <= patience; run++) {
      const { violations } = await simulate(run, bug());
      if (violations.length === 0) continue;
      printCounts(`known bug, ${name}`, { "caught by seed": run, as: violations[0]?.slice(0, 100) ?? "" });
      return;
    }
    expect.fail(`${patience} runs did not notice it`);
  });
});
