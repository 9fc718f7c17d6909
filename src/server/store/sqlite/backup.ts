import { closeSync, existsSync, openSync, rmSync, statSync } from "node:fs";
import { backup, DatabaseSync } from "node:sqlite";
import { TaskError } from "../../errors.ts";
import { openOurs, unavailable } from "./database.ts";
import { logsOf, modeLike, ownName, putInPlace } from "./put-in-place.ts";

/** How many pages are copied at a time, in a thread of its own: 8 MiB. */
const pagesAtOnce = 2048;

export interface BackupOptions {
  /** Replaces a file that is there. */
  force: boolean;
  /** Is told how much is copied, from 0 to 1. */
  onProgress?: (share: number) => void;
}

/**
 * Copies a database to a file, also while a server uses it. The copy is of the moment at which this begins, whatever is written meanwhile: a
 * transaction that reads holds it, so that the write-ahead log grows for as long as it takes, and nothing begins again.
 *
 * The file is there when it is whole and on the disk, or not at all, and may be read by nobody else than the database. Rejects with
 * VALUE_INVALID if it is there and `force` is not given, if it is a part of the database itself, which a server would go on to use without a
 * name, or another store in use; with STORE_UNAVAILABLE if the database is none of ours or damaged, or if one of the two cannot be used.
 */
export async function backupDatabase(
  path: string,
  file: string,
  { force, onProgress }: BackupOptions,
): Promise<void> {
  if (existsSync(file) && !force)
    throw new TaskError("VALUE_INVALID", `${file} is there already; --force replaces it`);
  if (isPartOf(ownName(path), file))
    throw new TaskError("VALUE_INVALID", `${file} is the store itself: a backup is another file`);
  // The backup takes the place of a link, and not of what it leads to.
  if ([file, ownName(file)].some((name) => logsOf(name).length > 0))
    throw new TaskError(
      "VALUE_INVALID",
      `${file} has a log beside it: it is a store in use, and not replaced`,
    );
  const db = openOurs(path, { older: true });
  const partial = `${file}.${process.pid}.partial`;
  const refusal = `cannot back up ${path} to ${file}`;
  try {
    // With all that the store keeps, the copy is for nobody else to read.
    closeSync(openSync(partial, "w", modeLike(path)));
    // Reading something is what begins a transaction.
    db.exec("begin; select count(*) from sqlite_schema");
    await backup(db, partial, {
      rate: pagesAtOnce,
      progress: ({ totalPages, remainingPages }) => onProgress?.(1 - remainingPages / totalPages),
    });
    db.exec("commit");
    makeWhole(partial);
    requireSound(partial, refusal);
    putInPlace(partial, file);
  } catch (error) {
    if (error instanceof TaskError) throw error;
    throw unavailable(refusal, error);
  } finally {
    db.close();
    for (const suffix of ["", "-journal", "-wal", "-shm"]) rmSync(`${partial}${suffix}`, { force: true });
  }
}

/** Whether a file is one of those that a database is made of, by whatever name. */
function isPartOf(path: string, file: string): boolean {
  const given = statSync(file, { throwIfNoEntry: false });
  return ["", "-wal", "-shm", "-lock"].some((suffix) => {
    const part = statSync(`${path}${suffix}`, { throwIfNoEntry: false });
    return part !== undefined && part.ino === given?.ino && part.dev === given.dev;
  });
}

/** Takes a copy out of the journal mode of what it was copied from, in which whoever reads it would write files beside it. */
function makeWhole(path: string): void {
  const db = new DatabaseSync(path);
  try {
    db.exec("pragma journal_mode = delete");
  } finally {
    db.close();
  }
}

/** Throws STORE_UNAVAILABLE, which begins with `refusal`, if a copy is damaged or none of ours: it says nothing of where that is. */
export function requireSound(copy: string, refusal: string): void {
  const db = openOurs(copy, { older: true, refusal });
  try {
    const { integrity_check: result } = db.prepare("pragma integrity_check(1)").get() ?? {};
    if (result !== "ok") throw new TaskError("STORE_UNAVAILABLE", `${refusal}: it is damaged: ${result}`);
  } finally {
    db.close();
  }
}
