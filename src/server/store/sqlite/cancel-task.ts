import { taskFinished } from "../../errors.ts";
import type { CancelledTask, CancelTask } from "../calls.ts";
import type { CancellationRecord, Failure, Millis } from "../records.ts";
import { CancelOutcome, nameOf, TaskState } from "../states.ts";
import { takesEvents } from "./accept-event.ts";
import { dropWorks } from "./interrupt-task.ts";
import { logTask } from "./log.ts";
import { dropPending } from "./mailbox.ts";
import { forgetQuestion } from "./questions.ts";
import { findAnswer, keepAnswer } from "./requests.ts";
import { snapshotOf, type TaskRow, type TaskSnapshot, taskRecord } from "./rows.ts";
import { clearTimer } from "./timers.ts";
import { loadTask, requireTask, type Tx } from "./tx.ts";
import { readWorks } from "./works.ts";

/** See Store.cancelTask. */
export function cancelTask(tx: Tx, args: CancelTask): CancelledTask {
  const task = requireTask(tx, args.taskId);
  const answered = findAnswer<TaskSnapshot>(tx.sql, task.id, args.request);
  if (answered !== undefined) return { task: taskRecord(tx.sql, task, answered), duplicate: true };
  if (task.ended_at !== null && task.state !== TaskState.CANCELLED) {
    const state = nameOf(TaskState, task.state);
    throw taskFinished(task.id, state, `the task is ${state} and cannot be cancelled`);
  }
  cancelTree(tx, task, args.now, args.reason);
  keepAnswer<TaskSnapshot>(tx.sql, { scope: task.id, taskId: task.id }, args.request, snapshotOf(task));
  return { task: taskRecord(tx.sql, task), duplicate: false };
}

/** Cancels a task and its descendants, those under a task that has ended already included. */
export function cancelTree(tx: Tx, root: TaskRow, now: Millis, reason: string | undefined): void {
  const error: Failure = { reason: "TASK_CANCELLED", message: reason ?? "the task was cancelled" };
  if (takesEvents(root)) cancelOne(tx, root, now, error, { state: TaskState.CANCELLED, reason });
  cancelDescendants(tx, root, now);
}

/** Times a task out, and cancels its descendants. */
export function expireTask(tx: Tx, task: TaskRow, now: Millis): void {
  const reason = "the task was not finished by its expire_time";
  cancelOne(tx, task, now, { reason: "TIMED_OUT", message: reason }, { state: TaskState.TIMED_OUT, reason });
  cancelDescendants(tx, task, now);
}

function cancelDescendants(tx: Tx, root: TaskRow, now: Millis): void {
  const descendants = tx.sql.all<{ id: string }>`with recursive tree (id) as (
      select id from tasks where parent_id = ${root.id}
      union all select t.id from tree join tasks t on t.parent_id = tree.id)
    select id from tasks where id in (select id from tree) and ended_at is null order by created_at, id`;
  const reason = "its parent was cancelled";
  for (const { id } of descendants) {
    const task = loadTask(tx, id);
    if (task === undefined || !takesEvents(task)) continue;
    cancelOne(
      tx,
      task,
      now,
      { reason: "TASK_CANCELLED", message: reason },
      { state: TaskState.CANCELLED, reason },
    );
  }
}

function cancelOne(
  tx: Tx,
  task: TaskRow,
  now: Millis,
  error: Failure,
  end: { state: TaskState; reason: string | undefined },
): void {
  const dropped = dropWorks(tx, task, now, readWorks(tx, task), error) + dropPending(tx, task, now, error);
  forgetQuestion(tx, task);
  clearTimer(tx, task.expire_at, task.id, "expire");
  const cancellation: CancellationRecord = {
    requestTime: now,
    outcome: CancelOutcome.REQUESTED,
    droppedEvents: dropped,
  };
  task.state = TaskState.CANCELLING;
  task.end_state = end.state;
  task.status_reason = end.reason ?? null;
  task.cancellation = JSON.stringify(cancellation);
  logTask(tx, task, now);
}
