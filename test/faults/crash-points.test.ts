import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readEnd } from "../crash-calls.ts";
import { checkHistory } from "../crash-check.ts";
import type { StoreHistory, TaskHistory } from "../crash-history.ts";
import { createRandom } from "../crash-random.ts";
import { runCrashes } from "../crash-run.ts";
import { createServerSeries, type ServerSeries } from "../crash-servers.ts";
import { tempDir } from "../temp-dir.ts";
import { countOf, printCounts, seedOf } from "./faults.ts";
import { lacks } from "./needs.ts";
import { runScript } from "./script.ts";
import { countCalls, strace, tracing, type WriteCall, writeCalls } from "./strace.ts";

/** How many points of a call are tried in the short run, spread over all that there are. */
const points = countOf("CRASH_POINTS", { short: 5, long: Number.POSITIVE_INFINITY });
const kills = countOf("CRASH_KILLS", { short: 6, long: 1_000 });
const seed = seedOf("CRASH_SEED");
/** How many databases are served side by side. */
const lanes = 2;

/** A moment to be killed at: just before a thread makes this call for the nth time. */
interface Point {
  call: WriteCall;
  n: number;
}

describe.skipIf(lacks(tracing))("a server that is killed at a system call (needs strace)", () => {
  it.each([
    { store: "a new file", prepared: false },
    { store: "a file that was closed", prepared: true },
  ])("keeps its guarantees, whichever of those that write to $store", async ({ store, prepared }) => {
    const directory = tempDir();
    const compileCache = join(directory, "compiled");
    const template = await prepare(directory, compileCache);
    const counts = await undisturbed(directory, compileCache, prepared ? template : undefined);
    const all = writeCalls.flatMap((call) => chosen(call, counts[call]));
    const waiting = all.entries();
    let killed = 0;
    const violations: string[] = [];
    const lane = async () => {
      for (const [index, point] of waiting) {
        const path = join(directory, `${index}.db`);
        if (prepared) copyFileSync(template, path);
        const { wasKilled, broken } = await runPoint(path, compileCache, point);
        if (wasKilled) killed += 1;
        violations.push(...broken.map((violation) => `${point.call} ${point.n}: ${violation}`));
      }
    };
    await Promise.all(Array.from({ length: lanes }, lane));
    printCounts(`Crash points of ${store}`, {
      ...Object.fromEntries(writeCalls.map((call) => [call, `${counts[call]} calls`])),
      tried: all.length,
      killed,
      violations: violations.length,
    });
    expect(violations).toEqual([]);
    // The last ones may not be reached: how many commits a run takes is a matter of what comes together.
    expect(killed).toBeGreaterThan(all.length * 0.7);
  });

  it(`keeps its guarantees when it is killed at random (CRASH_SEED=${seed})`, async () => {
    const path = join(tempDir(), "store.db");
    await using servers = createServerSeries(path, "scribe");
    const history = await runCrashes({ servers, seed, kills, tasksAtOnce: 3 });
    printCounts("Random kills", { kills, tasks: history.tasks.length });
    expect(checkHistory(history), `CRASH_SEED=${seed}`).toEqual([]);
  });
});

/** Chooses points of a call that is made so many times: the first, the last, and those between at equal distances. */
function chosen(call: WriteCall, count: number): Point[] {
  const step = Math.max(1, (count - 1) / (points - 1));
  const chosen: Point[] = [];
  for (let n = 1; Math.round(n) <= count; n += step) chosen.push({ call, n: Math.round(n) });
  return chosen;
}

/** Makes a database that a server has closed, and leaves the compiled modules to the servers to come. */
async function prepare(directory: string, compileCache: string): Promise<string> {
  const path = join(directory, "template.db");
  await using servers = createServerSeries(path, "scribe", { compileCache });
  await servers.start();
  expect(await servers.stop()).toBe(0);
  return path;
}

/** Counts the calls of a run that nobody disturbs. */
async function undisturbed(directory: string, compileCache: string, template: string | undefined) {
  const path = join(directory, "undisturbed.db");
  const output = join(directory, "trace");
  if (template !== undefined) copyFileSync(template, path);
  await using servers = createServerSeries(path, "scribe", { compileCache });
  await servers.start({ under: strace(writeCalls, { output }) });
  expect(checkHistory(await runScript(servers))).toEqual([]);
  await servers.stop();
  return countCalls(output);
}

/** Kills a server at a point of its run, starts another one, and checks what came of it all. */
async function runPoint(path: string, compileCache: string, { call, n }: Point) {
  await using servers = createServerSeries(path, "scribe", { compileCache });
  const under = strace([call], { inject: { do: "signal=KILL", when: `${n}` } });
  const run = runScript(servers);
  // It may be killed before it listens.
  const first = await servers.start({ under, doomed: true }).catch(() => undefined);
  const inTime =
    first === undefined || (await Promise.race([first.gone.then(() => true), run.then(() => false)]));
  if (inTime) await servers.start();
  const history = await run;
  const broken = checkHistory(history);
  // What is not reached in the run may be reached while the server stops.
  const late = (await servers.stop()) === null;
  if (late) {
    await servers.start();
    broken.push(...checkHistory({ ...history, tasks: await readAgain(servers, history) }));
    expect(await servers.stop()).toBe(0);
  }
  return { wasKilled: inTime || late, broken };
}

/** Reads once more what has come of a history's tasks. */
function readAgain(servers: ServerSeries, { tasks }: StoreHistory): Promise<TaskHistory[]> {
  const clients = { servers, random: createRandom(1), now: Date.now, progress: () => {} };
  return Promise.all(tasks.map(async (task) => ({ ...task, end: await readEnd(clients, task.end.task.id) })));
}
