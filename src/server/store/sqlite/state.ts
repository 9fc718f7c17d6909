import { TaskError } from "../../errors.ts";
import type { CommitTurn } from "../calls.ts";
import type { Millis } from "../records.ts";
import { entryLength, maxStateLength } from "../state-length.ts";
import { policyOf } from "./policies.ts";
import { readState } from "./reads.ts";
import type { TaskRow } from "./rows.ts";
import { keepRevision } from "./state-history.ts";
import type { Tx } from "./tx.ts";
import type { RunningTurn } from "./works.ts";

/**
 * Throws STATE_CONFLICT if a turn that ran beside has changed a key since this one began that it has read or changes, or has stored what
 * leaves no room for what this one stores.
 */
export function requireNoConflict(
  tx: Tx,
  { task, work }: RunningTurn,
  { reads, changes }: Pick<CommitTurn, "reads" | "changes">,
): void {
  if (work.revision === task.revision) return;
  const changed = tx.sql.all<{ key: string }>`select key from task_state
    where task_id = ${task.id} and revision > ${work.revision}`;
  const conflict = changed.find(
    ({ key }) => reads === "all" || reads.includes(key) || Object.hasOwn(changes, key),
  );
  if (conflict !== undefined) {
    const place = JSON.stringify(conflict.key);
    throw new TaskError(
      "STATE_CONFLICT",
      `another turn of task ${task.id} has changed its state under ${place}`,
    );
  }
  // One that stores nothing needs no room, also in a state that is too long already.
  if (Object.values(changes).every((value) => value === null)) return;
  const length = lengthWith(tx, task, changes);
  if (length <= maxStateLength) return;
  throw new TaskError(
    "STATE_CONFLICT",
    `with what another turn of task ${task.id} has stored, its state would take ${length} characters, and may take ${maxStateLength}`,
  );
}

/** Tells how much the state of a task would take with some changes. */
function lengthWith(tx: Tx, task: TaskRow, changes: CommitTurn["changes"]): number {
  let length = 0;
  for (const [key, value] of Object.entries({ ...readState(tx.sql, task).values, ...changes }))
    if (value !== null) length += entryLength(key, value);
  return length;
}

/** Writes what a turn changes of its task's state. */
export function writeState(
  tx: Tx,
  { task, work }: RunningTurn,
  now: Millis,
  changes: CommitTurn["changes"],
): void {
  const entries = Object.entries(changes);
  if (entries.length === 0) return;
  task.revision += 1;
  keepRevision(tx, task, now, Object.keys(changes));
  // Another turn may have read what is deleted, and is to find that out. With none, nothing that was deleted has to be kept.
  const alone = task.in_hand === 1;
  for (const [key, value] of entries) {
    if (value === null && alone) {
      tx.sql.run`delete from task_state where task_id = ${task.id} and key = ${key}`;
    } else {
      tx.sql.run`insert or replace into task_state (task_id, key, value, revision)
        values (${task.id}, ${key}, ${value}, ${task.revision})`;
    }
  }
  if (policyOf(tx.sql, task.agent).parallel > 1) {
    // What was deleted before the others began they have not read: a task that is never at rest is not to keep it for ever.
    tx.sql.run`delete from task_state where task_id = ${task.id} and value is null
      and revision <= coalesce((select min(revision) from turns
        where task_id = ${task.id} and owner is not null and turn <> ${work.turn}), ${task.revision})`;
  }
}
