import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { checkHistory } from "../crash-check.ts";
import { coverageOf } from "../crash-coverage.ts";
import type { StoreHistory } from "../crash-history.ts";
import { runCrashes } from "../crash-run.ts";
import { createServerSeries } from "../crash-servers.ts";
import { countOf, seedOf } from "./faults.ts";

/**
 * Set CRASH_SEED for other moments, CRASH_KILLS for more or fewer kills. Which moments a seed comes to depends on the machine too. There
 * are more, until everything that a crash can disturb has happened.
 */
const seed = seedOf("CRASH_SEED");
const kills = countOf("CRASH_KILLS", { short: 50, long: 500 });
/** Databases that are served side by side, so that one is under load while another one's server starts. */
const databases = 2;

const directory = mkdtempSync(join(tmpdir(), "pigeonhole-crash-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe(`a server that is killed ${kills} times (CRASH_SEED=${seed})`, () => {
  it("keeps its guarantees", { timeout: 60_000 + kills * 30_000 }, async () => {
    const histories = Array.from(
      { length: databases },
      (): StoreHistory => ({ tasks: [], abandoned: [], listed: [] }),
    );
    const missing = () => Object.entries(coverageOf(histories)).filter(([, count]) => count === 0);
    const runs = histories.map(async (history, index) => {
      const path = join(directory, `${index}.db`);
      await using servers = createServerSeries(path, "scribe", { compileCache: join(directory, "compiled") });
      // One that ends well leaves its compiled modules to those that follow.
      await servers.start();
      expect(await servers.stop()).toBe(0);
      await runCrashes({
        servers,
        seed: seed + 2 * index,
        kills: Math.ceil(kills / databases),
        isEnough: () => missing().length === 0,
        history,
        tasksAtOnce: 3,
      });
    });
    await Promise.all(runs);
    expect(histories.flatMap(checkHistory), `CRASH_SEED=${seed}`).toEqual([]);
    expect(missing(), "what never happened").toEqual([]);
  });
});
