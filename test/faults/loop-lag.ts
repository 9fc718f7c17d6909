import { monitorEventLoopDelay } from "node:perf_hooks";
import { isMainThread } from "node:worker_threads";

/** Loaded before a server, it prints at each SIGUSR2, counted from 1, how late the event loop was since the last: the 99th percentile, in ms. */
if (isMainThread) {
  const resolution = 5;
  const delays = monitorEventLoopDelay({ resolution });
  let report = 0;
  delays.enable();
  process.on("SIGUSR2", () => {
    const late = Math.max(0, delays.percentile(99) / 1e6 - resolution);
    process.stderr.write(`event loop lag ${++report}: p99 ${late.toFixed(1)} ms of ${delays.count}\n`);
    delays.reset();
  });
}
