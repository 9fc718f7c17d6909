import type { FiredTimers, FireTimers } from "../calls.ts";
import type { Millis } from "../records.ts";
import { takesEvents } from "./accept-event.ts";
import { expireTask } from "./cancel-task.ts";
import { compact } from "./compact.ts";
import { purge, sweep } from "./delete-task.ts";
import { enqueueEvent } from "./events.ts";
import { interrupt } from "./interrupt-task.ts";
import { ahead } from "./mailbox.ts";
import { expireQuestion } from "./questions.ts";
import type { EventRow, TaskRow } from "./rows.ts";
import type { Sql } from "./sql.ts";
import { clearTimer, type TimerRow } from "./timers.ts";
import { loadTask, type Tx } from "./tx.ts";

/** How many rows a transaction changes before no further timer fires in it: all other writes wait for it. */
const enoughChanges = 5000;

/** See Store.fireTimers. */
export function fireTimers(tx: Tx, { now, limit }: FireTimers): FiredTimers {
  const due = tx.sql.all<TimerRow>`select * from timers where due_at <= ${now}
    order by due_at, task_id, kind, ref limit ${limit}`;
  const enough = countChanges(tx.sql) + enoughChanges;
  let fired = 0;
  for (const timer of due) {
    if (countChanges(tx.sql) >= enough) break;
    fire(tx, timer, now);
    fired += 1;
  }
  const next = tx.sql.one<{ due_at: Millis }>`select due_at from timers order by due_at limit 1`;
  return { fired, ...(next && { nextTime: next.due_at }) };
}

/** Counts the rows that the connection has changed since it was opened. */
function countChanges(sql: Sql): number {
  return sql.one<{ changes: number }>`select total_changes() as changes`?.changes ?? 0;
}

function fire(tx: Tx, { due_at, task_id, kind, ref }: TimerRow, now: Millis): void {
  // One that fired before it may have cleared it.
  if (!clearTimer(tx, due_at, task_id, kind, ref)) return;
  const task = loadTask(tx, task_id);
  if (kind === "sweep") sweep(tx, task_id, now);
  if (task === undefined) return;
  if (kind === "deliver") deliver(tx, task, now, ref);
  if (kind === "expire" && takesEvents(task)) expireTask(tx, task, now);
  if (kind === "answer") expireQuestion(tx, task, due_at, now);
  if (kind === "compact") compact(tx, task, now);
  if (kind === "purge") purge(tx, task, now);
}

/** Puts a scheduled event into the mailbox, and does to a busy task what the event asks for. */
function deliver(tx: Tx, task: TaskRow, now: Millis, sequence: number): void {
  const event = tx.sql
    .one<EventRow>`select * from events where task_id = ${task.id} and sequence = ${sequence}`;
  if (event === undefined) return;
  if (event.ahead === ahead.interrupt) interrupt(tx, task, now, "an event interrupted the turn");
  enqueueEvent(tx, task, now, event);
}
