import { DatabaseSync } from "node:sqlite";
import { messageOf } from "../../../message-of.ts";
import { TaskError } from "../../errors.ts";
import { migrations } from "./migrations.ts";

/** Marks a database file as ours: "pgnh" in ASCII (https://sqlite.org/pragma.html#pragma_application_id). */
const applicationId = 0x70676e68;

/**
 * Opens a database to write to, and brings its schema up to date.
 *
 * WAL with synchronous=FULL: a commit returns after the log is on stable storage. What an earlier process left in the log is brought into
 * the file first, and with it to the disk: if that process could not sync, the system shows frames that the disk does not have, and what
 * is committed behind them would be lost with them. Throws STORE_UNAVAILABLE if the file cannot be
 * opened or written, is no database of ours, or was made by a newer version.
 */
export function openDatabase(path: string): DatabaseSync {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path, { timeout: 5000 });
    // Before anything else, because the journal mode is kept in the file.
    requireOurs(db);
    db.exec(`pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = off;
      pragma cache_size = -131072; pragma temp_store = memory; pragma journal_size_limit = 67108864;
      pragma wal_autocheckpoint = 4000`);
    migrate(db);
    db.exec("pragma wal_checkpoint(passive)");
    return db;
  } catch (error) {
    db?.close();
    throw unavailable(`cannot open the database ${path}`, error);
  }
}

/** Opens a database that another connection writes to, for reads alone. */
export function openReader(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { readOnly: true, timeout: 5000 });
  db.exec("pragma cache_size = -65536; pragma query_only = on");
  return db;
}

/**
 * Opens a database of ours for reads alone, also while a server uses it, of this very version unless an older one will do. Throws
 * STORE_UNAVAILABLE, which begins with `refusal`.
 */
export function openOurs(
  path: string,
  { older = false, refusal = `cannot open the database ${path}` } = {},
): DatabaseSync {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path, { readOnly: true, timeout: 5000 });
    requireOurs(db);
    const version = pragma(db, "user_version");
    if (version === 0) throw new Error("it is no database of a server");
    if (!older && version < migrations.length) {
      throw new Error(
        `its schema is version ${version}: a server brings it up to version ${migrations.length}`,
      );
    }
    return db;
  } catch (error) {
    db?.close();
    throw unavailable(refusal, error);
  }
}

/** Makes the error for a database that cannot do its work. What SQLite says of its storage names no SQL; the cause, with its stack, stays here. */
export function unavailable(message: string, cause: unknown): TaskError {
  const why = messageOf(cause);
  return new TaskError("STORE_UNAVAILABLE", `${message}: ${why}`, { retryAfter: 1000 }, { cause });
}

function requireOurs(db: DatabaseSync): void {
  const version = pragma(db, "user_version");
  const tables = Number(db.prepare("select count(*) as n from sqlite_schema").get()?.n);
  if (pragma(db, "application_id") !== applicationId && tables > 0) {
    throw new Error("it is another program's database");
  }
  if (version > migrations.length) {
    throw new Error(`its schema is version ${version}, and this server knows ${migrations.length}`);
  }
}

/** Takes the steps that the schema is behind. The caller closes the database if one fails, which undoes all. */
function migrate(db: DatabaseSync): void {
  db.exec("begin immediate");
  const version = pragma(db, "user_version");
  for (const step of migrations.slice(version)) db.exec(step);
  if (version < migrations.length) {
    db.exec(`pragma application_id = ${applicationId}; pragma user_version = ${migrations.length}`);
  }
  db.exec("commit");
}

function pragma(db: DatabaseSync, name: "user_version" | "application_id"): number {
  return Number(db.prepare(`pragma ${name}`).get()?.[name]);
}

/**
 * Makes sure that a commit whose fsync failed does not come back: it is whole in the log, and a process that opened the file next would take
 * it for committed (Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020). SQLite writes the next commit over
 * it, and here that is one that changes nothing. Whether it can be synced does not matter to a process that dies, only to a loss of power.
 */
export function takeBack(db: Pick<DatabaseSync, "exec" | "isTransaction">): void {
  try {
    db.exec(`begin immediate; pragma user_version = ${migrations.length}; commit`);
  } catch {
    if (db.isTransaction) db.exec("rollback");
  }
}

/** Whether an error is that of a commit which is written, and not known to be on the disk. */
export function isSyncError(error: unknown): boolean {
  // An extended result code (https://sqlite.org/rescode.html): IOERR_FSYNC.
  return error instanceof Error && "errcode" in error && error.errcode === 1034;
}

/** Whether an error is the storage's and not the statement's: full, read-only, failing, damaged, locked. */
export function isStorageError(error: unknown): boolean {
  if (!(error instanceof Error) || !("errcode" in error)) return false;
  // Primary result codes (https://sqlite.org/rescode.html): BUSY, LOCKED, NOMEM, READONLY, IOERR, CORRUPT, FULL, CANTOPEN, NOTADB.
  return [5, 6, 7, 8, 10, 11, 13, 14, 26].includes(Number(error.errcode) & 0xff);
}
