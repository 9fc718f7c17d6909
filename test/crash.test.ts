import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { checkHistory } from "./crash-check.ts";
import { coverageOf } from "./crash-coverage.ts";
import { runCrashes } from "./crash-run.ts";
import { createServerSeries } from "./crash-servers.ts";

/** Set CRASH_SEED to run again what has failed, CRASH_KILLS for more or fewer kills. */
const seed = Number(process.env.CRASH_SEED ?? Date.now() % 1_000_000);
const kills = Number(process.env.CRASH_KILLS ?? 50);
/** Databases that are served side by side, so that one is under load while another one's server starts. */
const databases = 2;

const directory = mkdtempSync(join(tmpdir(), "pigeonhole-crash-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe(`a server that is killed ${kills} times (CRASH_SEED=${seed})`, () => {
  it("keeps its guarantees", { timeout: 60_000 + kills * 10_000 }, async () => {
    const runs = Array.from({ length: databases }, async (_, index) => {
      const path = join(directory, `${index}.db`);
      await using servers = createServerSeries(path, "scribe", { compileCache: join(directory, "compiled") });
      // One that ends well leaves its compiled modules to those that follow.
      await servers.start();
      expect(await servers.stop()).toBe(0);
      const history = await runCrashes({
        servers,
        seed: seed + 2 * index,
        kills: Math.ceil(kills / databases),
        tasksAtOnce: 3,
      });
      return history;
    });
    const histories = await Promise.all(runs);
    expect(histories.flatMap(checkHistory), `CRASH_SEED=${seed}`).toEqual([]);
    const missing = Object.entries(coverageOf(histories)).filter(([, count]) => count === 0);
    if (kills >= 50) expect(missing, "what never happened").toEqual([]);
  });
});
