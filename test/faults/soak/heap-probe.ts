// Loaded into a server ahead of it: notes every few seconds what the server holds on to, after a collection of garbage, in the file
// that SOAK_PROBE names. What it costs is in the latencies that are measured beside it.
import { appendFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { isMainThread } from "node:worker_threads";

const path = process.env.SOAK_PROBE;
if (isMainThread && path !== undefined) {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc");
  setInterval(() => {
    gc();
    const { heapUsed, rss } = process.memoryUsage();
    appendFileSync(path, `${JSON.stringify({ time: Date.now(), heapUsed, rss })}\n`);
  }, 2_500).unref();
}
