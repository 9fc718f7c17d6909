import { defineConfig } from "vitest/config";

const long = process.env.FAULTS === "long";
const seed = String(Date.now() % 1_000_000);

export default defineConfig({
  resolve: { conditions: ["pigeonhole-source"] },
  ssr: { resolve: { conditions: ["pigeonhole-source"] } },
  test: {
    // What `npm test` does with the same seeds every time, the long run does with new ones, and more of it.
    include: [
      "test/faults/**/*.test.ts",
      ...(long ? ["test/mailbox-model.test.ts", "test/crash.test.ts"] : []),
    ],
    env: long
      ? { MODEL_SEED: seed, MODEL_RUNS: "5000", CRASH_SEED: seed, CRASH_KILLS: "500", ...process.env }
      : {},
    // One file after the other: what one does to the machine is not to be another's slow disk.
    fileParallelism: false,
    // The counts are printed while the tests run, without a heading each.
    disableConsoleIntercept: true,
    // A long run is bounded by what it is asked to do, and not by the clock.
    testTimeout: long ? 12 * 3_600_000 : 300_000,
    hookTimeout: 120_000,
  },
});
