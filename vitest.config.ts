import { defineConfig } from "vitest/config";
import { compileOnce } from "./test/compile-once.ts";

/** What has a process of its own, because it begins with an environment that others do not have. */
const alone = ["test/example-language-model*.test.ts", "test/example-github-webhook.test.ts"];
/**
 * What takes longer has a configuration of its own. Clients in other languages install and build what is theirs first: CI runs them apart,
 * with OTHER_LANGUAGES set.
 */
const apart = [
  "test/faults/**",
  ...(process.env.OTHER_LANGUAGES === undefined ? ["test/clients-*.test.ts"] : []),
];

export default defineConfig({
  plugins: [compileOnce()],
  resolve: { conditions: ["pigeonhole-source"] },
  ssr: { resolve: { conditions: ["pigeonhole-source"] } },
  test: {
    // The default leaves one core free: of two, that is half.
    maxWorkers: "100%",
    projects: [
      {
        extends: true,
        // One process for file after file, which loads the server once: that took a third of the time.
        test: {
          name: "together",
          isolate: false,
          include: ["test/**/*.test.ts"],
          exclude: [...apart, ...alone],
        },
      },
      { extends: true, test: { name: "alone", include: alone } },
    ],
    // Nothing that a test does leaves this machine.
    setupFiles: ["test/loopback-setup.ts"],
    // Tests wait for signals, not for time; this bounds one that waits in vain on a busy machine.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
