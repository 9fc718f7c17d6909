import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { conditions: ["pigeonhole-source"] },
  ssr: { resolve: { conditions: ["pigeonhole-source"] } },
  test: {
    include: ["test/faults/**/*.test.ts"],
    // One file after the other: what one does to the machine is not to be another's slow disk.
    fileParallelism: false,
    // The counts are printed while the tests run, without a heading each.
    disableConsoleIntercept: true,
    // A long run is bounded by what it is asked to do, and not by the clock.
    testTimeout: process.env.FAULTS === "long" ? 4 * 3_600_000 : 120_000,
    hookTimeout: 120_000,
  },
});
