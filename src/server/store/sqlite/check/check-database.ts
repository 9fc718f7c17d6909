import type { DatabaseSync } from "node:sqlite";
import { messageOf } from "../../../../message-of.ts";
import type { Millis } from "../../records.ts";
import { openOurs } from "../database.ts";
import { createSql, type Sql } from "../sql.ts";
import { invariants } from "./invariants.ts";
import { findLogGaps } from "./log-gaps.ts";
import { findStuckTasks } from "./stuck-tasks.ts";

/** Something in a store that should not be so. */
export interface StoreFinding {
  /** What should hold, in a few words. */
  check: string;
  /** The task that it is about, if it is about one. */
  taskId?: string;
  detail: string;
}

/** One of the checks: what should hold, and where it does not. */
interface Check {
  name: string;
  find(): Iterable<{ task?: string | null; detail: string }>;
}

/** How many findings of one check are told. */
const maxFindings = 1000;

/**
 * Checks a database, also while a server uses it: SQLite's own structure, and what Pigeonhole's tables say of each other.
 *
 * Yields undefined before each check, and otherwise what it finds, at most a thousand of a check. Each check sees the database at one moment,
 * and keeps a few rows in memory. Throws STORE_UNAVAILABLE if there is no database of ours, or of another version.
 */
export function* checkDatabase(path: string, now: Millis): Iterable<StoreFinding | undefined> {
  const db = openOurs(path);
  try {
    yield* checkTables(db, now);
  } finally {
    db.close();
  }
}

/** Checks a database that is open: see checkDatabase. */
export function* checkTables(db: DatabaseSync, now: Millis): Iterable<StoreFinding | undefined> {
  for (const { name, find } of checksOf(db, now)) {
    yield undefined;
    let count = 0;
    try {
      for (const { task, detail } of find()) {
        yield { check: name, ...(task && { taskId: task }), detail };
        if (++count < maxFindings) continue;
        yield { check: name, detail: `there may be more than these ${maxFindings}` };
        break;
      }
    } catch (error) {
      // What one check cannot read, another may.
      yield { check: name, detail: `cannot be checked: ${messageOf(error)}` };
    }
  }
}

function checksOf(db: DatabaseSync, now: Millis): Check[] {
  const sql: Sql = createSql(db);
  return [
    { name: "the database is sound (integrity_check)", find: () => integrity(db) },
    { name: "no foreign key is broken (foreign_key_check)", find: () => foreignKeys(db) },
    {
      name: "a log misses no sequence but those of compacted deltas",
      *find() {
        for (const { task, sequence } of findLogGaps(sql)) yield { task, detail: `${sequence} is not there` };
      },
    },
    { name: "a task is due if it has a turn to start", find: () => findStuckTasks(sql, now) },
    ...invariants.map(({ name, sql: text }) => ({ name, find: () => rowsOf(db, text) })),
  ];
}

function* integrity(db: DatabaseSync): Iterable<{ detail: string }> {
  for (const { integrity_check: line } of db.prepare(`pragma integrity_check(${maxFindings})`).iterate()) {
    if (line !== "ok") yield { detail: String(line) };
  }
}

function* foreignKeys(db: DatabaseSync): Iterable<{ detail: string }> {
  for (const row of db.prepare("pragma foreign_key_check").iterate()) yield { detail: JSON.stringify(row) };
}

function* rowsOf(db: DatabaseSync, text: string): Iterable<{ task: string | null; detail: string }> {
  for (const { task, detail } of db.prepare(text).iterate()) {
    yield { task: typeof task === "string" ? task : null, detail: String(detail) };
  }
}
