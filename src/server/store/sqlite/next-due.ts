import type { Millis } from "../records.ts";
import { EventState, TaskState } from "../states.ts";
import { deferralOf, earlier, hasOthersAhead } from "./deferral.ts";
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
  return earlier(task.due_at, due);
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
  const deferral = deferralOf(sql, task, now);
  if (deferral === "over") return now;
  if (deferral === "stands") return hasOthersAhead(sql, task) ? now : task.defer_until;
  if (task.ahead > 0) return now;
  if (batch === undefined || task.waiting >= batch.max) return now;
  const oldest = sql.one<{ updated_at: Millis }>`select updated_at from events
    where task_id = ${task.id} and sequence > ${task.cursor} and state = ${EventState.QUEUED} and held = 0
    order by sequence limit 1`;
  return (oldest?.updated_at ?? now) + batch.wait;
}
