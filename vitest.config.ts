import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { compileOnce } from "./test/compile-once.ts";
import { LongestFirst } from "./test/longest-first.ts";

/** What has a process of its own, because it begins with an environment that others do not have. */
const alone = ["test/example-language-model*.test.ts", "test/example-github-webhook.test.ts"];
/**
 * What takes longer: faults have a configuration of their own; clients in other languages, the package, the browser, what the pages have
 * users type, TLS on the command line and its help install, build or start what is not this project's, or very many processes. With APART
 * set, these run, and nothing else.
 */
const apart = ["clients-*", "console", "package", "docs-*", "cli-init", "cli-usage", "tls-cli"].map(
  (name) => `test/${name}.test.ts`,
);
const isApart = process.env.APART !== undefined;

export default defineConfig({
  plugins: [compileOnce()],
  resolve: { conditions: ["pigeonhole-source"] },
  ssr: { resolve: { conditions: ["pigeonhole-source"] } },
  test: {
    // Many tests wait, for timers and for processes that they start: one more than there are cores keeps these busy.
    maxWorkers: availableParallelism() + 1,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        // One process for file after file, which loads the server once: that took a third of the time.
        test: {
          name: "together",
          isolate: false,
          include: isApart ? apart : ["test/**/*.test.ts"],
          exclude: isApart ? [] : ["test/faults/**", ...apart, ...alone],
        },
      },
      ...(isApart ? [] : [{ extends: true as const, test: { name: "alone", include: alone } }]),
    ],
    // Nothing that a test does leaves this machine.
    setupFiles: ["test/loopback-setup.ts"],
    // Tests wait for signals, not for time; this bounds one that waits in vain on a busy machine.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
