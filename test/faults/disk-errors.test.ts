import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { checkHistory } from "../crash-check.ts";
import { agentPath, runCli } from "../crash-process.ts";
import { createServerSeries } from "../crash-servers.ts";
import { tempDir } from "../temp-dir.ts";
import { long, printCounts } from "./faults.ts";
import { lacks } from "./needs.ts";
import { runScript } from "./script.ts";
import { strace, tracing } from "./strace.ts";

/** What a disk may answer, to which call, and which calls of a thread are tried in turn. The first ones of a thread open the file. */
const failures = [
  { call: "fsync", error: "EIO", from: 4, to: 24, step: long ? 1 : 5 },
  { call: "fsync", error: "ENOSPC", from: 5, to: 24, step: long ? 1 : 20 },
  { call: "pwrite64", error: "EIO", from: 20, to: 200, step: long ? 1 : 90 },
  { call: "pwrite64", error: "ENOSPC", from: 21, to: 200, step: long ? 1 : 180 },
  { call: "pread64", error: "EIO", from: 20, to: 100, step: long ? 1 : 100 },
];
/** How long a server that can do nothing is left alone, in ms. */
const patience = 700;

describe.skipIf(lacks(tracing))("a server whose disk fails (needs strace)", () => {
  it("goes on by itself when the disk does, or from its file when it is killed, and has all that it acknowledged and nothing that it refused", async () => {
    const directory = tempDir();
    const compileCache = join(directory, "compiled");
    const template = join(directory, "template.db");
    await using first = createServerSeries(template, "scribe", { compileCache });
    await first.start();
    await first.stop();
    const runs = failures.flatMap(({ call, error, from, to, step }) => {
      const points = Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, n) => from + n * step);
      return points.flatMap((n) => [
        { call, error, when: `${n}..${n + 5}`, passes: true },
        { call, error, when: `${n}+`, passes: false },
      ]);
    });
    const counts = { runs: runs.length, refused: 0, "killed and restarted": 0, violations: 0 };
    const violations: string[] = [];
    const waiting = runs.entries();
    const lane = async () => {
      for (const [index, { call, error, when, passes }] of waiting) {
        const path = join(directory, `${index}.db`);
        copyFileSync(template, path);
        await using servers = createServerSeries(path, "scribe", { compileCache });
        const under = strace([call], { inject: { do: `error=${error}`, when } });
        // One that cannot read its file says so and ends, as below.
        await servers.start({ under, troubled: true }).catch(() => servers.start());
        const refusal = Promise.withResolvers<void>();
        const run = runScript(servers, {
          async refused() {
            counts.refused += 1;
            refusal.resolve();
            await setTimeout(20);
          },
        });
        if (!passes) {
          await Promise.race([run, refusal.promise, setTimeout(patience)]);
          counts["killed and restarted"] += 1;
          await servers.kill();
          await servers.start();
        }
        const broken = checkHistory(await run);
        violations.push(...broken.map((violation) => `${call} ${error} ${when}: ${violation}`));
        await servers.kill();
      }
    };
    await Promise.all([lane(), lane()]);
    counts.violations = violations.length;
    printCounts("Disk errors", counts);
    expect(violations).toEqual([]);
    expect(counts.refused).toBeGreaterThan(runs.length / 4);
  });

  it("does not begin on one that it cannot write to, and says why", async () => {
    const directory = tempDir();
    for (const [call, error] of [
      ["fsync", "EIO"],
      ["pwrite64", "EIO"],
      ["pwrite64", "ENOSPC"],
    ] as const) {
      for (const when of ["1+", "3+"]) {
        const path = join(directory, `${call}-${error}-${when}.db`);
        const under = strace([call], { inject: { do: `error=${error}`, when } });
        const args = ["serve", agentPath("scribe"), "--port", "0", "--store", `sqlite:${path}`];
        await using server = runCli(args, { under });
        expect(await server.exited, `${call} ${error} ${when}`).toMatchObject({ code: 1 });
        expect(server.stderr()).toMatch(
          /cannot (open|lock) the database .*: (disk I\/O error|database or disk is full)/,
        );
      }
    }
  });

  it("does not begin before what a killed server left in the log is on the disk", async () => {
    const path = join(tempDir(), "store.db");
    await using servers = createServerSeries(path, "scribe");
    const taskIds: (string | undefined)[] = [];
    // The fsync of the log, and that of the file. The one between is the folder's, whose errors SQLite does not heed.
    for (const when of ["1", "3"]) {
      const { rpc } = await servers.start();
      taskIds.unshift((await rpc.connect.createTask({ agent: "scribe" })).task?.id);
      await servers.kill();
      const under = strace(["fsync"], { inject: { do: "error=EIO", when } });
      await expect(servers.start({ under })).rejects.toThrow(/cannot open the database .*: disk I\/O error/);
    }
    const { rpc } = await servers.start();
    const { tasks } = await rpc.connect.listTasks({});
    expect(tasks.map(({ id }) => id)).toEqual(taskIds);
  });
});
