import { defineConfig } from "vitest/config";
import { compileOnce } from "./test/compile-once.ts";

export default defineConfig({
  plugins: [compileOnce()],
  resolve: { conditions: ["pigeonhole-source"] },
  ssr: { resolve: { conditions: ["pigeonhole-source"] } },
  test: {
    // The default leaves one core free: of two, that is half.
    maxWorkers: "100%",
    include: ["test/**/*.test.ts"],
    // Nothing that a test does leaves this machine.
    setupFiles: ["test/loopback-setup.ts"],
    // What takes longer has a configuration of its own. Clients in other languages install and build what is theirs first: CI runs them
    // apart, with OTHER_LANGUAGES set.
    exclude: [
      "test/faults/**",
      ...(process.env.OTHER_LANGUAGES === undefined ? ["test/clients-*.test.ts"] : []),
    ],
    // Tests wait for signals, not for time; this bounds one that waits in vain on a busy machine.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
