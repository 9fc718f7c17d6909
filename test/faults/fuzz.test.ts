import { afterAll, afterEach, describe, expect, it } from "vitest";
import { countOf, printCounts, seedOf } from "./faults.ts";
import { startFuzzedServer } from "./fuzz/fuzzed-server.ts";
import { flood, fuzzHttp1, fuzzHttp2 } from "./fuzz/run-raw.ts";
import { fuzzRpcs, type Tally } from "./fuzz/run-rpcs.ts";
import { findRpcs, pathOf } from "./fuzz/services.ts";

const first = seedOf("FUZZ_SEED") * 10_000_000;
const requests = countOf("FUZZ_REQUESTS", { short: 10_000, long: 900_000 });
const raw1 = countOf("FUZZ_HTTP1", { short: 2_000, long: 100_000 });
const raw2 = countOf("FUZZ_HTTP2", { short: 1_000, long: 50_000 });
const floodFrames = countOf("FUZZ_FLOOD", { short: 2_000, long: 100_000 });

const rpcs = await findRpcs();
const server = await startFuzzedServer();
/** The most that the process had of memory, and how much of it lived after the last batch, in megabytes. */
const memory = { peak: 0, heap: 0 };
const check = async () => {
  const { peak, heap } = await server.check();
  memory.peak = Math.round(peak / 1e6);
  memory.heap = Math.round(heap / 1e6);
};
afterEach(check);
afterAll(() => server[Symbol.asyncDispose]());

/** Does so many of something in batches, and looks at the server after each. */
async function inBatches(
  count: number,
  size: number,
  send: (range: { first: number; count: number }) => Promise<void>,
): Promise<void> {
  for (let done = 0; done < count; done += size) {
    await send({ first: first + done, count: Math.min(size, count - done) });
    await check();
  }
}

describe("a server goes on, and answers as its API says,", () => {
  it("whatever is in the requests for its RPCs", async () => {
    const tally: Tally = new Map();
    await inBatches(requests, 4_000, async ({ first, count }) => {
      const half = Math.ceil(count / 2);
      await fuzzRpcs(server, rpcs, { first, count: half, version: 1, tally });
      await fuzzRpcs(server, rpcs, { first: first + half, count: count - half, version: 2, tally });
    });
    printCounts(`requests for ${rpcs.length} RPCs`, {
      all: requests,
      ...Object.fromEntries(tally),
      ...memory,
    });
    const sent = [...tally]
      .filter(([name]) => !name.includes("/"))
      .reduce((sum, [, count]) => sum + count, 0);
    expect(sent).toBe(requests);
    // With fewer, some may have had no luck.
    if (requests < 10_000) return;
    // It takes luck to name a task that has ended; and no tokens are given out where nobody is asked for one.
    const unlucky = /\/(DeleteTask|CreateToken|ListTokens|RevokeToken)$/;
    const failed = rpcs.map(pathOf).filter((path) => !tally.has(path));
    expect(failed.filter((path) => !unlucky.test(path))).toEqual([]);
  });

  it("whatever bytes come as HTTP/1.1", async () => {
    await inBatches(raw1, 5_000, (range) => fuzzHttp1(server, range));
    printCounts("connections of HTTP/1.1", { all: raw1, ...memory });
  });

  it("whatever frames come as HTTP/2", async () => {
    let frames = 0;
    await inBatches(raw2, 5_000, async (range) => {
      frames += await fuzzHttp2(server, range);
    });
    printCounts("connections of HTTP/2", { all: raw2, frames, ...memory });
  });

  it("however much comes at once", async () => {
    const frames = await flood(server, floodFrames);
    await check();
    printCounts("floods of HTTP/2", { frames, ...memory });
  });
});
