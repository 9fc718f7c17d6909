import { once } from "node:events";
import { Worker } from "node:worker_threads";

/** The times that calls took, in ms. */
export interface Latencies {
  /** Sends, each until it was durable. */
  sends: number[];
  /** Calls that do nothing. */
  empty: number[];
}

/** Measures, one call after the other, in a thread of its own. */
export interface LatencyProbe extends AsyncDisposable {
  /** Says where the server is, from now on. */
  at(url: string): void;
  /** Resolves with what was measured since it was asked last. */
  take(): Promise<Latencies>;
}

export function startLatencyProbe(): LatencyProbe {
  const worker = new Worker(new URL("./latency-thread.ts", import.meta.url));
  return {
    at: (url) => worker.postMessage(url),
    async take() {
      const taken = once(worker, "message");
      worker.postMessage(undefined);
      const [latencies] = await taken;
      return latencies;
    },
    async [Symbol.asyncDispose]() {
      await worker.terminate();
    },
  };
}
