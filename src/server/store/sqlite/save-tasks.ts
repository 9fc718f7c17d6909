import { TaskError } from "../../errors.ts";
import type { Millis } from "../records.ts";
import { nextDue } from "./next-due.ts";
import type { TaskRow } from "./rows.ts";
import { addChanges, createTx, type Tx } from "./tx.ts";

/** Ends a transaction: says when each task that it worked on has its next turn, and writes them back. */
export function saveTasks(tx: Tx, now: Millis): void {
  for (const task of tx.tasks.values()) {
    settleDue(tx, task, now);
    saveTask(tx, task);
  }
}

/**
 * Runs a part of a transaction that undoes itself alone if it throws a TaskError. It works on tasks of its own: rows that were loaded before are
 * written first, and not to be used after.
 */
export function attempt<T>(tx: Tx, now: Millis, run: (tx: Tx) => T): T {
  saveTasks(tx, now);
  tx.tasks.clear();
  const part = createTx(tx.sql);
  tx.sql.run`savepoint attempt`;
  try {
    const result = run(part);
    saveTasks(part, now);
    tx.sql.run`release attempt`;
    addChanges(tx, part);
    return result;
  } catch (error) {
    // What is no refusal undoes the whole transaction, if it has not done so already.
    if (error instanceof TaskError) {
      tx.sql.run`rollback to attempt`;
      tx.sql.run`release attempt`;
    }
    throw error;
  }
}

/** Finds out when a task's next turn is due. It stands in an index and changes rarely, so that it is written apart. */
function settleDue(tx: Tx, task: TaskRow, now: Millis): void {
  const due = nextDue(tx.sql, task, now);
  if (task.due_at !== due) {
    task.due_at = due;
    tx.sql.run`update tasks set due_at = ${due} where id = ${task.id}`;
  }
  if (due === null) tx.due.delete(task.id);
  else tx.due.set(task.id, due);
}

function saveTask(tx: Tx, row: TaskRow): void {
  tx.sql.run`update tasks set children = ${row.children}, state = ${row.state},
    status_reason = ${row.status_reason}, error = ${row.error}, sequence = ${row.sequence},
    updated_at = ${row.updated_at}, revision = ${row.revision}, waiting = ${row.waiting}, ahead = ${row.ahead},
    held = ${row.held}, scheduled = ${row.scheduled}, dead = ${row.dead}, cursor = ${row.cursor},
    in_hand = ${row.in_hand}, retrying = ${row.retrying}, processing_id = ${row.processing_id}, turn = ${row.turn},
    deferred = ${row.deferred}, defer_until = ${row.defer_until}, defer_count = ${row.defer_count}, question = ${row.question}, paused = ${row.paused},
    cancellation = ${row.cancellation}, end_state = ${row.end_state}, expire_at = ${row.expire_at},
    purge_at = ${row.purge_at}, compact_at = ${row.compact_at}
    where id = ${row.id}`;
}
