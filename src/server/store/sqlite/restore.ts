import { chmodSync, constants, copyFileSync, existsSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { TaskError } from "../../errors.ts";
import { requireSound } from "./backup.ts";
import { unavailable } from "./database.ts";
import { lockDatabase } from "./lock.ts";
import { logsOf, modeLike, ownName, putInPlace, sync } from "./put-in-place.ts";

/**
 * Puts a backup where a server will look for its database. `force` replaces a database that is there: it is moved aside, with its logs, and
 * its new name is what this returns; `now` is part of that. The backup gets its permissions.
 *
 * The backup is copied and looked at first. Whatever happens, even a loss of power, there is the old database, or none, or the backup,
 * whole: never the backup with a log of the old one's. Throws VALUE_INVALID if there is a database and `force` is not given,
 * STORE_UNAVAILABLE if a server uses it, if the backup is damaged, unfinished, none of ours or of a newer version, or if the disk fails.
 */
export function restoreDatabase(
  file: string,
  name: string,
  { force, now }: { force: boolean; now: Date },
): string | undefined {
  const isThere = existsSync(name);
  if (isThere && !force)
    throw new TaskError("VALUE_INVALID", `${name} is there already; --force replaces it`);
  // A server locks a database by its own name, not by that of a link.
  const path = ownName(name);
  const partial = `${path}.${process.pid}.partial`;
  const lock = lockDatabase(path);
  try {
    if (logsOf(ownName(file)).some((log) => statSync(log).size > 0)) {
      throw new TaskError(
        "STORE_UNAVAILABLE",
        `${file} has a log beside it: it is a store in use, and no backup`,
      );
    }
    copyFileSync(file, partial, constants.COPYFILE_FICLONE);
    chmodSync(partial, modeLike(isThere ? path : file));
    requireSound(partial, `${file} is no backup that can be restored`);
    const aside = moveAside(path, now);
    putInPlace(partial, path);
    return aside;
  } catch (error) {
    if (error instanceof TaskError) throw error;
    throw unavailable(`cannot restore ${file} to ${path}`, error);
  } finally {
    for (const suffix of ["", "-wal", "-shm"]) rmSync(`${partial}${suffix}`, { force: true });
    lock.release();
  }
}

/** Moves a database away, and its logs after it, which say nothing without it. */
function moveAside(path: string, now: Date): string | undefined {
  const aside = `${path}.replaced-${now.toISOString().replaceAll(/[-:.]/g, "")}`;
  const isThere = existsSync(path);
  if (isThere) renameSync(path, aside);
  for (const log of logsOf(path)) renameSync(log, aside + log.slice(path.length));
  rmSync(`${path}-shm`, { force: true });
  sync(dirname(resolve(path)));
  return isThere ? aside : undefined;
}
