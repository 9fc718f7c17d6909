import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { describe, expect, it } from "vitest";
import { createClient } from "../../src/client/index.ts";
import { agentPath, type CliProcess, runCli, urlOf } from "../crash-process.ts";
import { tempDir } from "../temp-dir.ts";
import { countOf, printCounts } from "./faults.ts";
import { lacks } from "./needs.ts";
import { countCalls, strace, tracing } from "./strace.ts";

/** How long each fsync takes, in ms. */
const delay = 50;
/** How late the event loop may be, in ms. */
const maxLag = 20;
const windows = countOf("LAG_WINDOWS", { short: 3, long: 60 });
const writers = 20;
/** How many events each of them sends in a window, one after the other. */
const sends = 8;

describe.skipIf(lacks(tracing))("a server on a slow disk (needs strace)", () => {
  it("answers what needs no disk at once, and writes together what comes together", async () => {
    const directory = tempDir();
    const output = join(directory, "trace");
    const under = strace(["fsync"], { output, inject: { do: `delay_exit=${delay * 1000}` } });
    const preload = `--import ${new URL("./loop-lag.ts", import.meta.url).href}`;
    const store = `sqlite:${join(directory, "store.db")}`;
    const args = ["serve", agentPath("scribe"), "--port", "0", "--store", store, "--drain", "0"];
    await using server = runCli(args, { under, env: { NODE_OPTIONS: preload } });
    const url = await urlOf(server);
    const { tasks } = createClient({ transport: createGrpcTransport({ baseUrl: url }) });
    const { task } = await tasks.create({ agent: "scribe" });

    const fsyncsBefore = countCalls(output).fsync;
    const begin = performance.now();
    const created = await Promise.all(
      Array.from({ length: writers }, () => tasks.create({ agent: "scribe" })),
    );
    let acknowledged = created.length;
    const lags: number[] = [];
    const waits: number[] = [];
    const entries: number[] = [];
    await readLag(server);
    for (let window = 0; window < windows; window++) {
      // Side by side, and what is read while they wait for the disk.
      let writing = true;
      const write = async (taskId: string) => {
        for (let n = 0; n < sends; n++) await tasks.send(taskId, `${window} ${n}`, { type: "say" });
      };
      const writes = Promise.all(created.map(({ task: { id } }) => write(id))).finally(() => {
        writing = false;
      });
      while (writing) {
        waits.push(await timed(() => tasks.get(task.id)));
        waits.push(await timed(async () => (await fetch(`${url}/healthz`)).text()));
      }
      await writes;
      acknowledged += writers * sends;
      // A subscription shows what was written meanwhile.
      for await (const { entry } of tasks.subscribe(created[window % writers]?.task.id ?? "")) {
        if (entry.case !== "message") continue;
        entries.push(window);
        break;
      }
      lags.push(await readLag(server));
    }
    const took = performance.now() - begin;
    const fsyncs = countCalls(output).fsync - fsyncsBefore;
    const lag = Math.min(...lags);
    const wait = median(waits);
    printCounts(`A disk that takes ${delay} ms`, {
      acknowledged,
      fsyncs,
      "lag p99 in ms": lag,
      "lag p99 in ms, median of the windows": median(lags),
      reads: waits.length,
      "median read in ms": Math.round(wait),
      "took in ms": Math.round(took),
    });
    // Of several windows, the best: others on the machine make the event loop late as well, a stall of this server's would be in all.
    expect(lag).toBeLessThan(maxLag);
    expect(wait).toBeLessThan(delay);
    expect(entries).toHaveLength(windows);
    // One after the other, the writes alone would have taken this long.
    expect(took).toBeLessThan((acknowledged * delay) / 2);
    expect(fsyncs).toBeLessThan(acknowledged);
  });
});

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.POSITIVE_INFINITY;
}

let reported = 0;

/** Asks a server how late its event loop was since it was last asked. */
async function readLag(server: CliProcess): Promise<number> {
  reported += 1;
  server.kill("SIGUSR2");
  const [, lag = ""] = await server.printed(new RegExp(`event loop lag ${reported}: p99 ([\\d.]+) ms`));
  return Number(lag);
}

async function timed(call: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await call();
  return performance.now() - begin;
}
