import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkHistory } from "../crash-check.ts";
import { reasonOf } from "../crash-clients.ts";
import { runCrashes } from "../crash-run.ts";
import { createServerSeries, type ServerSeries, type ServerStart } from "../crash-servers.ts";
import { countOf, printCounts, seedOf } from "./faults.ts";
import { createLoopDisk } from "./loop-disk.ts";
import { cannotMount } from "./needs.ts";

const cuts = countOf("POWER_CUTS", { short: 5, long: 300 });
const seed = seedOf("POWER_SEED");

describe.skipIf(cannotMount())("a server whose machine loses power (needs root and loop devices)", () => {
  it(`has all that it acknowledged (POWER_SEED=${seed})`, async () => {
    await using servers = serversOnDisk();
    const history = await runCrashes({ servers, seed, kills: cuts, tasksAtOnce: 3 });
    const violations = checkHistory(history);
    printCounts("Power loss", { cuts, tasks: history.tasks.length, violations: violations.length });
    expect(violations, `POWER_SEED=${seed}`).toEqual([]);
  });

  it("has a file that was new when it acknowledged", async () => {
    await using servers = serversOnDisk();
    const { rpc } = await servers.start();
    const { task } = await rpc.connect.createTask({ agent: "scribe" });
    await servers.kill();
    const { rpc: again } = await servers.start();
    const key = { case: "taskId" as const, value: task?.id ?? "" };
    expect((await again.connect.getTask({ key })).task?.id).toBe(task?.id);
  });

  it("would lose what it acknowledged if commits did not wait for the disk", async () => {
    const relaxed = new URL("./relaxed-sync.ts", import.meta.url).href;
    await using servers = serversOnDisk({ env: { NODE_OPTIONS: `--import ${relaxed}` } });
    const run = runCrashes({ servers, seed, kills: 1, tasksAtOnce: 3 }).then(checkHistory);
    // Where a task or the end of its log is gone, its client fails before there is a history to check.
    const [violation = "nothing was lost"] = await run.catch((error: Error) => [reasonOf(error.cause)]);
    printCounts("Power loss with synchronous=NORMAL", { cuts: 1, found: violation });
    expect(violation).toMatch(/^(TASK_NOT_FOUND|SEQUENCE_OUT_OF_RANGE|G[134] )/);
  });
});

/** Prepares servers on a disk of their own, whose power is cut whenever one is killed. */
function serversOnDisk(options: ServerStart = {}): ServerSeries {
  const disk = createLoopDisk();
  const servers = createServerSeries(join(disk.path, "store.db"), "scribe");
  return {
    ...servers,
    start: () => servers.start(options),
    async kill() {
      await servers.kill((pid) => disk.cutPower(pid));
      await disk.restore();
    },
  };
}
