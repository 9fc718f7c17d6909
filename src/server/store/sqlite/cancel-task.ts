import { EventState, TaskState } from "../../../proto.ts";
import { taskFinished } from "../../errors.ts";
import type { CancelledTask, CancelTask, Millis } from "../records.ts";
import { closeWork, dropPending, moveEvent, supersedeTurn, turnEvent } from "./end-work.ts";
import { logTask, type Tx } from "./log.ts";
import { findAnswer, keepAnswer } from "./requests.ts";
import {
  requireTask,
  saveTask,
  setDue,
  snapshotOf,
  type TaskRow,
  type TaskSnapshot,
  taskRecord,
} from "./rows.ts";

/** See Store.cancelTask. */
export function cancelTask(tx: Tx, args: CancelTask): CancelledTask {
  const task = requireTask(tx.sql, args.taskId);
  const answered = findAnswer<TaskSnapshot>(tx.sql, task.id, args.request);
  if (answered !== undefined) {
    return { task: taskRecord(tx.sql, task, answered), cancelled: [], duplicate: true };
  }
  if (task.state === TaskState.COMPLETED || task.state === TaskState.FAILED) {
    const state = TaskState[task.state];
    throw taskFinished(task.id, state, `the task is ${state} and cannot be cancelled`);
  }
  const cancelled = cancelTree(tx, task, args.now, args.reason);
  keepAnswer<TaskSnapshot>(tx.sql, task.id, args.request, snapshotOf(task));
  return { task: taskRecord(tx.sql, task), cancelled, duplicate: false };
}

/** Cancels a task and its descendants, those under a task that has ended already included. Returns those that it cancelled. */
function cancelTree(tx: Tx, root: TaskRow, now: Millis, reason: string | undefined): string[] {
  const descendants = tx.sql.all<TaskRow>`with recursive tree (id) as (
      select id from tasks where parent_id = ${root.id}
      union all select t.id from tree join tasks t on t.parent_id = tree.id)
    select * from tasks where id in (select id from tree) and ended_at is null order by created_at, id`;
  const cancelled: string[] = [];
  for (const task of [root, ...descendants]) {
    if (task.state !== TaskState.PENDING && task.state !== TaskState.ACTIVE) continue;
    cancelOne(tx, task, now, task === root ? reason : "its parent was cancelled");
    cancelled.push(task.id);
  }
  return cancelled;
}

function cancelOne(tx: Tx, task: TaskRow, now: Millis, reason: string | undefined): void {
  const event = turnEvent(tx, task);
  supersedeTurn(tx, task, now, { reason: "TASK_CANCELLED", message: reason ?? "the task was cancelled" });
  if (event !== undefined) moveEvent(tx, task, now, event, EventState.DROPPED);
  dropPending(tx, task, now);
  closeWork(task);
  task.state = TaskState.CANCELLING;
  task.status_reason = reason ?? null;
  setDue(tx.sql, task, now);
  logTask(tx, task, now);
  saveTask(tx.sql, task);
}
