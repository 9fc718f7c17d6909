import { TaskError } from "./errors.ts";
import { type BackupOptions, backupDatabase } from "./store/sqlite/backup.ts";
import { checkDatabase, type StoreFinding } from "./store/sqlite/check/check-database.ts";
import { lookAtDatabase } from "./store/sqlite/check/look-at-database.ts";
import { restoreDatabase } from "./store/sqlite/restore.ts";

export type { BackupOptions, StoreFinding };

/** Copies the store that a URL names to a file. See backupDatabase. */
export function backupStore(url: string, file: string, options: BackupOptions): Promise<void> {
  return backupDatabase(pathOf(url), file, options);
}

/** Puts a backup in the place of the store that a URL names. See restoreDatabase. */
export function restoreStore(
  file: string,
  url: string,
  options: { force: boolean; now: Date },
): string | undefined {
  return restoreDatabase(file, pathOf(url), options);
}

/** Checks the store that a URL names. See checkDatabase. */
export function checkStore(url: string): Iterable<StoreFinding | undefined> {
  return checkDatabase(pathOf(url), Date.now());
}

/** Looks at the store that a URL names. See lookAtDatabase. */
export function lookAtStore(url: string): string | undefined {
  return lookAtDatabase(pathOf(url));
}

function pathOf(url: string): string {
  const path = /^sqlite:(.+)$/s.exec(url)?.[1];
  if (path !== undefined) return path;
  throw new TaskError("VALUE_INVALID", `the store must be sqlite:PATH, not ${JSON.stringify(url)}`);
}
