import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { createClient } from "../../src/client/index.ts";
import { hasFor } from "../clients-rig.ts";
import { runCli, urlOf } from "../crash-process.ts";
import { tempDir } from "../temp-dir.ts";
import type { LoadResult } from "./overload-load.ts";

/** As many calls at once as keep the server busy without anybody being refused; and what is far more than it takes at once. */
const capacity = 256;
const overload = 10 * capacity;
/** How many calls at once of these are looked at, by a process that has time to: it tells how long they take, and how they are refused. */
const observed = 64;
/** How much memory the server may take, whatever comes, in MiB. */
const memoryBound = 768;

const pathOf = (name: string) => fileURLToPath(new URL(`./${name}`, import.meta.url));
const run = promisify(execFile);

/** Sends events from processes of their own, so many at once, and observes some of them. */
async function load(url: string, taskId: string, inFlight: number, seconds: number): Promise<LoadResult> {
  const body = join(tempDir(), "body.json");
  writeFileSync(body, JSON.stringify({ taskId, parts: [{ text: "x".repeat(100) }] }));
  const streams = String(Math.floor((inFlight - observed) / 16));
  const crowd = run("h2load", [
    ...["-D", String(seconds + 2), "-c", "16", "-m", streams, "-d", body],
    ...["-H", "content-type: application/json", `${url}/pigeonhole.v1.TaskService/SendEvent`],
  ]);
  const args = [pathOf("overload-load.ts"), url, taskId, String(observed), String(seconds)];
  const [{ stdout }] = await Promise.all([run(process.execPath, args), crowd]);
  return JSON.parse(stdout);
}

/** Gives the most memory that a process has had in its life, in MiB. */
function peakMemory(pid: number): number {
  const [, kilobytes] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kilobytes) / 1024;
}

it.skipIf(!hasFor("a test of overload", "h2load", "command -v h2load"))(
  "at ten times its capacity the server refuses in order, is quick for whom it accepts, and recovers",
  async () => {
    const store = `sqlite:${join(tempDir(), "store.db")}`;
    await using server = runCli(["serve", pathOf("sink-agent.ts"), "--port", "0", "--store", store]);
    const url = await urlOf(server);
    const { task } = await createClient({ baseUrl: url }).tasks.create({ agent: "sink" });
    await load(url, task.id, capacity, 2);

    const before = await load(url, task.id, capacity, 4);
    const during = await load(url, task.id, overload, 6);
    const after = await load(url, task.id, capacity, 4);

    const memory = peakMemory(server.pid);
    // The worse of the two, since other things go on on the machine as well.
    const normal = Math.max(before.p99, after.p99);
    const ratio = during.p99 / normal;
    console.log("overload", { before, during, after, ratio, memory });
    for (const { malformed } of [before, during, after]) expect(malformed).toEqual([]);
    expect(Object.keys(during.refused)).toEqual(["OVERLOADED"]);
    expect([before.refused, after.refused]).toEqual([{}, {}]);
    expect(ratio).toBeLessThan(5);
    expect(memory).toBeLessThan(memoryBound);
  },
);
