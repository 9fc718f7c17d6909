import { TaskError } from "../../errors.ts";
import type { Millis } from "../records.ts";
import { nameOf, TaskState } from "../states.ts";
import type { TaskRow } from "./rows.ts";
import { clearTimer, setTimer } from "./timers.ts";
import { changesOf, requireTask, type Tx } from "./tx.ts";

/** How much of a deleted task's log is cleared away in one transaction, in sequences. */
const sweepSize = 2000;

/** See Store.deleteTask. */
export function deleteTask(tx: Tx, { taskId, now }: { taskId: string; now: Millis }): void {
  const task = requireTask(tx, taskId);
  if (task.ended_at === null) {
    throw new TaskError("TASK_UNFINISHED", `task ${taskId} is ${nameOf(TaskState, task.state)}`, {
      precondition: { subject: taskId, description: "only a finished task can be deleted" },
    });
  }
  purge(tx, task, now);
}

/** Deletes a task. What is large of it is cleared away afterwards, bit by bit, so that it holds nobody up. */
export function purge(tx: Tx, task: TaskRow, now: Millis): void {
  clearTimer(tx, task.purge_at, task.id, "purge");
  clearTimer(tx, task.compact_at, task.id, "compact");
  tx.sql.run`delete from tasks where id = ${task.id}`;
  tx.sql.run`delete from task_params where task_id = ${task.id}`;
  tx.sql.run`delete from task_state where task_id = ${task.id}`;
  tx.sql.run`delete from state_history where task_id = ${task.id}`;
  tx.sql.run`delete from requests where task_id = ${task.id} and scope <> task_id`;
  tx.tasks.delete(task.id);
  tx.grown.add(task.id);
  changesOf(tx, task.agent).dead -= task.dead;
  setTimer(tx, now, task.id, "sweep");
}

/** Clears away a part of what a deleted task has left, and comes back for the rest. */
export function sweep(tx: Tx, taskId: string, now: Millis): void {
  const first = tx.sql.one<{ sequence: number }>`select sequence from log
    where task_id = ${taskId} order by sequence limit 1`;
  const end = first === undefined ? Number.MAX_SAFE_INTEGER : first.sequence + sweepSize;
  tx.sql.run`delete from events where task_id = ${taskId} and sequence < ${end}`;
  tx.sql.run`delete from messages where task_id = ${taskId} and sequence < ${end}`;
  tx.sql.run`delete from log where task_id = ${taskId} and sequence < ${end}`;
  tx.sql.run`delete from requests where scope = ${taskId}
    and id in (select id from requests where scope = ${taskId} limit ${sweepSize})`;
  const rest = tx.sql.one`select 1 from log where task_id = ${taskId} union all
    select 1 from requests where scope = ${taskId} limit 1`;
  if (rest !== undefined) setTimer(tx, now, taskId, "sweep");
}
