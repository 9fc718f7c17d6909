import type { Outcome } from "../calls.ts";
import type { Millis } from "../records.ts";
import { EventState } from "../states.ts";
import type { EventRow, TaskRow } from "./rows.ts";
import type { Sql } from "./sql.ts";

/**
 * Notes what a turn asks for that leaves its events in the mailbox. If one beside it has asked for something and its events still wait,
 * whichever comes first calls the next turn.
 */
export function defer(
  sql: Sql,
  task: TaskRow,
  events: readonly EventRow[],
  { untilTime, untilEvents }: Extract<Outcome, { kind: "defer" }>,
): void {
  const own = events.map(({ sequence }) => sequence);
  const known: number[] = JSON.parse(task.deferred ?? "[]");
  const others = known.filter((sequence) => !own.includes(sequence));
  const beside = anyWaits(sql, task, JSON.stringify(others));
  task.deferred = JSON.stringify(beside ? [...others, ...own] : own);
  task.defer_until = earlier(untilTime ?? null, beside ? task.defer_until : null);
  task.defer_count = earlier(untilEvents ?? null, beside ? task.defer_count : null);
}

/** The next turn has begun: what was asked for has come. */
export function endDeferral(task: TaskRow): void {
  task.deferred = null;
  task.defer_until = null;
  task.defer_count = null;
}

/** Tells when what was asked for comes, null if that is not known. Undefined if nothing is put off: all that was left was taken, back or by a turn. */
export function deferredUntil(sql: Sql, task: TaskRow, now: Millis): Millis | null | undefined {
  if (task.deferred === null || !anyWaits(sql, task, task.deferred)) return undefined;
  const called =
    hasOthersAhead(sql, task, task.deferred) ||
    task.waiting >= (task.defer_count ?? Number.POSITIVE_INFINITY);
  return called ? now : task.defer_until;
}

function anyWaits(sql: Sql, { id }: TaskRow, sequences: string): boolean {
  const left = sql.one`select 1 from json_each(${sequences}) as own join events on task_id = ${id} and sequence = own.value
    where state = ${EventState.QUEUED} and held = 0 limit 1`;
  return left !== undefined;
}

/** Whether an event goes ahead that was not deferred itself. */
function hasOthersAhead(sql: Sql, { id, ahead }: TaskRow, deferred: string): boolean {
  if (ahead === 0) return false;
  const other = sql.one`select 1 from events indexed by events_ahead where task_id = ${id} and ahead > 0 and state = 2 and held = 0
    and sequence not in (select value from json_each(${deferred})) limit 1`;
  return other !== undefined;
}

/** The smaller of two numbers, either of which may be none. */
export function earlier(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b);
}
