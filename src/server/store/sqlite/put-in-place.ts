import { closeSync, existsSync, fsyncSync, openSync, realpathSync, renameSync, statSync } from "node:fs";
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

/** Gives the name of a file itself, behind all links: what belongs to a database is beside that. */
export function ownName(path: string): string {
  return existsSync(path) ? realpathSync(path) : resolve(path);
}

/** Names the logs that are beside a database: SQLite would take them for those of any other file that gets its name. */
export function logsOf(path: string): string[] {
  return ["-wal", "-journal"].map((suffix) => path + suffix).filter((log) => existsSync(log));
}

/** Gives the permissions of a database's copy: those of a file, and its owner's to read and write it. */
export function modeLike(path: string): number {
  return (statSync(path).mode & 0o777) | 0o600;
}
