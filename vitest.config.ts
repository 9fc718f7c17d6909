import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { conditions: ["pigeonhole-source"] },
  ssr: { resolve: { conditions: ["pigeonhole-source"] } },
  test: {
    include: ["test/**/*.test.ts"],
    // Tests wait for signals, not for time; this bounds one that waits in vain on a busy machine.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
