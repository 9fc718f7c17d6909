import type { Millis } from "../records.ts";
import { EventState, TaskState } from "../states.ts";
import { policyOf } from "./policies.ts";
import type { TaskRow } from "./rows.ts";
import type { Sql } from "./sql.ts";

/**
 * Tells when a turn of a task is due that does not run yet: null when there is none. One that is due keeps the time since when it is, so
 * that those that are due longest come first.
 */
export function nextDue(sql: Sql, task: TaskRow, now: Millis): Millis | null {
  if (task.ended_at !== null || task.state === TaskState.INPUT_REQUIRED) return null;
  const due = earlier(retryDue(sql, task), freshDue(sql, task, now));
  if (due === null || due > now) return due;
  return task.due_at !== null && task.due_at <= now ? task.due_at : due;
}

/** When work that is in hand is to be tried again. */
function retryDue(sql: Sql, { id, retrying }: TaskRow): Millis | null {
  if (retrying === 0) return null;
  return (
    sql.one<{
      due: Millis | null;
    }>`select min(due_at) as due from turns where task_id = ${id} and owner is null`?.due ?? null
  );
}

/** When new work may be begun. */
function freshDue(sql: Sql, task: TaskRow, now: Millis): Millis | null {
  if (task.state === TaskState.PENDING || task.state === TaskState.CANCELLING) {
    return task.in_hand === 0 ? now : null;
  }
  if (task.state !== TaskState.ACTIVE || task.waiting === 0) return null;
  const { parallel, batch } = policyOf(sql, task.agent);
  if (task.in_hand >= parallel) return null;
  if (task.deferred !== null && stillWaits(sql, task, task.deferred)) {
    const called = hasOthersAhead(sql, task, task.deferred) || task.waiting >= (task.defer_count ?? Infinity);
    return called ? now : task.defer_until;
  }
  if (task.ahead > 0) return now;
  if (batch === undefined || task.waiting >= batch.max) return now;
  const oldest = sql.one<{ updated_at: Millis }>`select updated_at from events
    where task_id = ${task.id} and sequence > ${task.cursor} and state = ${EventState.QUEUED} and held = 0
    order by sequence limit 1`;
  return (oldest?.updated_at ?? now) + batch.wait;
}

/** Whether any of what was deferred is still left: once all of it was taken back, or is in another turn's hand, nothing is put off by it. */
function stillWaits(sql: Sql, { id }: TaskRow, deferred: string): boolean {
  const left = sql.one`select 1 from json_each(${deferred}) as own join events on task_id = ${id} and sequence = own.value
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

function earlier(a: Millis | null, b: Millis | null): Millis | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b);
}
