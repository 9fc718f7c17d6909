import type { Millis } from "../records.ts";
import type { Tx } from "./tx.ts";

/**
 * What a timer does when it is due: delivers an event, times a task out, closes its question, compacts its deltas, deletes it, or clears
 * away what a deleted task has left.
 */
export type TimerKind = "deliver" | "expire" | "answer" | "compact" | "purge" | "sweep";

/** A row of `timers`. */
export interface TimerRow {
  due_at: Millis;
  task_id: string;
  kind: TimerKind;
  ref: number;
}

/** Sets a timer. Setting one that is set does nothing. */
export function setTimer(tx: Tx, dueTime: Millis, taskId: string, kind: TimerKind, ref = 0): void {
  tx.sql
    .run`insert or ignore into timers (due_at, task_id, kind, ref) values (${dueTime}, ${taskId}, ${kind}, ${ref})`;
  tx.timer = Math.min(tx.timer, dueTime);
}

/** Clears a timer, if it is set for a time. Returns whether it was. */
export function clearTimer(
  tx: Tx,
  dueTime: Millis | null,
  taskId: string,
  kind: TimerKind,
  ref = 0,
): boolean {
  if (dueTime === null) return false;
  const cleared = tx.sql.run`delete from timers
    where due_at = ${dueTime} and task_id = ${taskId} and kind = ${kind} and ref = ${ref}`;
  return cleared > 0;
}
