/** What a server's process holds, in bytes, and what it has used. */
export interface Usage {
  heap: number;
  rss: number;
  /** CPU time since it was started, of all its threads, in microseconds. */
  cpu: number;
}

/** What the parent asks for: the usage as it is, or after a garbage collection. */
export type UsageQuestion = "usage" | "usage after collection";

/** Has this process tell its usage to the parent that asks for it. Runs under `node --expose-gc`. */
export function reportUsage(): void {
  process.on("message", (question: UsageQuestion) => {
    if (question === "usage after collection") {
      gc?.();
      gc?.();
    }
    const { heapUsed: heap, rss } = process.memoryUsage();
    const { user, system } = process.cpuUsage();
    process.send?.({ heap, rss, cpu: user + system } satisfies Usage);
  });
}
