import { readFileSync } from "node:fs";
import type { Latencies } from "./latency.ts";

/** What was measured of a server in a window of some seconds. */
export interface Sample {
  /** When the window ended, in s since the begin. */
  time: number;
  server: string;
  /** What the server held on to after a collection of garbage, in MB of 1,000,000 bytes. */
  heap: number;
  /** What the process took of the machine's memory, in MB. */
  rss: number;
  sendP50: number;
  sendP99: number;
  emptyP50: number;
  emptyP99: number;
  /** How many times as long as an empty call a durable send took, by the medians and by the slowest of a hundred. */
  ratioP50: number;
  ratioP99: number;
  /** Answers and log entries that clients got, per second. */
  throughput: number;
  /** How often it had been killed. */
  kills: number;
  /** How many tasks had been led to their end and checked. */
  tasks: number;
}

const columns: (keyof Sample)[] = [
  ...(["time", "server", "heap", "rss", "sendP50", "sendP99", "emptyP50", "emptyP99"] as const),
  ...(["ratioP50", "ratioP99", "throughput", "kills", "tasks"] as const),
];

/** Writes samples as CSV (RFC 4180), with the names of the columns first. */
export function toCsv(samples: Sample[]): string {
  const lines = samples.map((sample) => columns.map((column) => sample[column]).join(","));
  return `${[columns.join(","), ...lines].join("\n")}\n`;
}

/** Tells what the times of a window come to. */
export function summarize({ sends, empty }: Latencies) {
  const [sendP50, sendP99] = [quantile(sends, 0.5), quantile(sends, 0.99)];
  const [emptyP50, emptyP99] = [quantile(empty, 0.5), quantile(empty, 0.99)];
  const ratios = { ratioP50: round(sendP50 / emptyP50), ratioP99: round(sendP99 / emptyP99) };
  return { sendP50, sendP99, emptyP50, emptyP99, ...ratios };
}

/** Reads what a probe noted last, in MB. Not a number if it has noted nothing yet. */
export function readProbe(path: string): { heap: number; rss: number } {
  const line = readFileSync(path, "utf8").trimEnd().split("\n").at(-1) ?? "";
  if (line === "") return { heap: Number.NaN, rss: Number.NaN };
  const { heapUsed, rss } = JSON.parse(line);
  return { heap: round(heapUsed / 1e6), rss: round(rss / 1e6) };
}

/** How a column changes from the second tenth of the time to the last: their medians, and the last as a ratio of the first. */
export function drift(samples: Sample[], column: "heap" | "rss" | "ratioP50" | "ratioP99" | "throughput") {
  const end = samples.at(-1)?.time ?? 0;
  const median = (from: number, to: number) => {
    const values = samples
      .filter(({ time }) => time > from * end && time <= to * end)
      .map((one) => one[column]);
    return quantile(values, 0.5);
  };
  const [begin, last] = [median(0.1, 0.2), median(0.9, 1)];
  return { begin, last, ratio: round(last / begin) };
}

function quantile(values: number[], share: number): number {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  return round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN);
}

export function round(value: number): number {
  return Math.round(value * 100) / 100;
}
