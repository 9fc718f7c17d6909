import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { cpus, loadavg, totalmem } from "node:os";
import { join } from "node:path";
import { percentile } from "./stats.ts";

const tmpfs = 0x01021994;

/** What figures have to be read with. */
export interface Machine {
  cpu: string;
  cores: number;
  memoryGiB: number;
  node: string;
  /** How many processes of others wanted to run in the last minute. Above a few tenths, wait for a better moment. */
  load: number;
  /** How long the disk of the databases takes to make 4 KiB durable, in milliseconds. */
  fdatasyncMs: number;
}

/** Looks at the machine and at the disk that holds `directory`. Throws if that is no disk: nothing would be durable. */
export async function machine(directory: string): Promise<Machine> {
  if ((await statfs(directory)).type === tmpfs) throw new Error(`${directory} is not on a disk; set TMPDIR`);
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    load: Number((loadavg()[0] ?? 0).toFixed(2)),
    fdatasyncMs: Number(fdatasyncTime(join(directory, "fdatasync")).toPrecision(3)),
  };
}

function fdatasyncTime(path: string): number {
  const file = openSync(path, "w");
  const block = Buffer.alloc(4096);
  const times = Array.from({ length: 200 }, () => {
    const begin = performance.now();
    writeSync(file, block);
    fdatasyncSync(file);
    return performance.now() - begin;
  });
  closeSync(file);
  return percentile(times, 50);
}
