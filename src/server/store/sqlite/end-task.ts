import type { Failure, Millis } from "../records.ts";
import { CancelOutcome, nameOf, TaskState } from "../states.ts";
import { newEventRow, takesEvents } from "./accept-event.ts";
import { insertEvent } from "./events.ts";
import { dropWorks } from "./interrupt-task.ts";
import { logTask } from "./log.ts";
import { dropPending } from "./mailbox.ts";
import { policyOf } from "./policies.ts";
import { forgetQuestion } from "./questions.ts";
import { parseCancellation, type TaskRow } from "./rows.ts";
import { taskEnded } from "./system-events.ts";
import { clearTimer, setTimer } from "./timers.ts";
import { loadTask, type Tx } from "./tx.ts";
import { readWorks } from "./works.ts";

/** How a task ends. */
export interface End {
  state: TaskState;
  reason?: string;
  error?: Failure;
}

/** Brings a task to a final state: drops what is in hand and what waits, tells the parent, and appends the final entry. */
export function endTask(tx: Tx, task: TaskRow, now: Millis, end: End): void {
  const error: Failure = { reason: "TASK_FINISHED", message: `the task is ${nameOf(TaskState, end.state)}` };
  dropWorks(tx, task, now, readWorks(tx, task), error);
  dropPending(tx, task, now, error);
  forgetQuestion(tx, task);
  clearTimer(tx, task.expire_at, task.id, "expire");
  task.state = end.state;
  if (end.reason !== undefined) task.status_reason = end.reason;
  if (end.error !== undefined) task.error = JSON.stringify(end.error);
  keepUntil(tx, task, now);
  tx.sql.run`update tasks set ended_at = ${now} where id = ${task.id}`;
  task.ended_at = now;
  logTask(tx, task, now);
  tellParent(tx, task, now);
}

/** Ends a task whose onTaskCancel has run, or failed for good. */
export function endCancelled(tx: Tx, task: TaskRow, now: Millis, forced: boolean, error?: Failure): void {
  if (task.cancellation !== null) {
    const outcome = forced ? CancelOutcome.FORCED : CancelOutcome.STOPPED;
    task.cancellation = JSON.stringify({ ...parseCancellation(task.cancellation), outcome });
  }
  endTask(tx, task, now, { state: task.end_state ?? TaskState.CANCELLED, ...(error && { error }) });
}

function keepUntil(tx: Tx, task: TaskRow, now: Millis): void {
  const { retention } = policyOf(tx.sql, task.agent);
  if (retention === undefined) return;
  task.purge_at = now + retention;
  setTimer(tx, task.purge_at, task.id, "purge");
}

/** Sends a task's parent the event of its end, whatever room its mailbox has: children are bounded. */
function tellParent(tx: Tx, task: TaskRow, now: Millis): void {
  const parent = task.parent_id === null ? undefined : loadTask(tx, task.parent_id);
  if (parent === undefined) return;
  parent.children -= 1;
  if (!takesEvents(parent)) return;
  const event = taskEnded(task);
  insertEvent(tx, parent, now, newEventRow(parent, now, event), event.content);
}
