import { closeSync, existsSync, fsyncSync, openSync, renameSync } from "node:fs";
import { dirname, resolve } from "node:path";

/** Gives a file its name, in place of one that has it, such that after a loss of power there is the one or the other, whole. */
export function putInPlace(from: string, to: string): void {
  sync(from);
  renameSync(from, to);
  sync(dirname(resolve(to)));
}

/** Brings a file, or the names in a folder, to stable storage. */
export function sync(path: string): void {
  const handle = openSync(path, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** Names the logs that are beside a database: SQLite would take them for those of any other file that gets its name. */
export function logsOf(path: string): string[] {
  return ["-wal", "-journal"].map((suffix) => path + suffix).filter((log) => existsSync(log));
}
