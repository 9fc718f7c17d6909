import type { Outcome } from "../calls.ts";
import type { Millis } from "../records.ts";
import { EventState } from "../states.ts";
import { policyOf } from "./policies.ts";
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
  const others = leftOf(task).filter((sequence) => !own.includes(sequence));
  const beside = anyWaits(sql, task, JSON.stringify(others));
  task.deferred = JSON.stringify(beside ? [...others, ...own] : own);
  task.defer_until = earlier(untilTime ?? null, beside ? task.defer_until : null);
  task.defer_count = earlier(untilEvents ?? null, beside ? task.defer_count : null);
}

/** What was asked for has come, and the next turn begins. */
export function endDeferral(task: TaskRow): void {
  task.deferred = null;
  task.defer_until = null;
  task.defer_count = null;
}

/**
 * How things stand with what a turn has left: nothing of it waits any more (`none`), what was asked for has come (`over`), or has not
 * (`stands`): then others are handled that go ahead, and nothing else.
 */
export function deferralOf(sql: Sql, task: TaskRow, now: Millis): "none" | "stands" | "over" {
  const { deferred, waiting, defer_count: count, defer_until: until } = task;
  if (deferred === null || !anyWaits(sql, task, deferred)) return "none";
  if (until !== null && until <= now) return "over";
  // Without a time, more than the mailbox takes would be waited for in vain: it may have been made smaller since.
  const most = until === null ? policyOf(sql, task.agent).maxPending : Number.POSITIVE_INFINITY;
  return count !== null && waiting >= Math.min(count, most) ? "over" : "stands";
}

/** Of the events that wait, those that a turn may begin with while others are put off: they go ahead, and were not left themselves. */
export function* othersAhead(waiting: Iterable<EventRow>, task: TaskRow): Iterable<EventRow> {
  const left = leftOf(task);
  for (const event of waiting) {
    if (event.ahead === 0) return;
    if (!left.includes(event.sequence)) yield event;
  }
}

function leftOf({ deferred }: TaskRow): number[] {
  return JSON.parse(deferred ?? "[]");
}

function anyWaits(sql: Sql, { id }: TaskRow, sequences: string): boolean {
  const left = sql.one`select 1 from json_each(${sequences}) as own join events on task_id = ${id} and sequence = own.value
    where state = ${EventState.QUEUED} and held = 0 limit 1`;
  return left !== undefined;
}

/** Whether an event goes ahead that was not left itself. */
export function hasOthersAhead(sql: Sql, { id, ahead, deferred }: TaskRow): boolean {
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
