import { defineConfig } from "vitest/config";
import { compileOnce } from "../compile-once.ts";

const long = process.env.FAULTS === "long";
const seed = String(Date.now() % 1_000_000);

export default defineConfig({
  plugins: [compileOnce()],
  resolve: { conditions: ["pigeonhole-source"] },
  ssr: { resolve: { conditions: ["pigeonhole-source"] } },
  test: {
    // The model of the store, of which `npm test` plays some, is played for longer here, and with new seeds in the long run.
    include: ["test/faults/**/*.test.ts", "test/mailbox-model.test.ts"],
    setupFiles: ["test/loopback-setup.ts"],
    env: {
      ...(long ? { MODEL_SEED: seed, MODEL_RUNS: "5000" } : { MODEL_RUNS: "150" }),
      ...process.env,
    },
    // One file after the other: what one does to the machine is not to be another's slow disk.
    fileParallelism: false,
    // The counts are printed while the tests run, without a heading each.
    disableConsoleIntercept: true,
    // A long run is bounded by what it is asked to do, and not by the clock.
    testTimeout: long ? 12 * 3_600_000 : 300_000,
    hookTimeout: 120_000,
  },
});
