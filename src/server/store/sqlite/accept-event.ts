import { EventState, TaskState } from "../../../proto.ts";
import { TaskError, taskFinished } from "../../errors.ts";
import type { EventRecord, Millis, NewEvent } from "../records.ts";
import { logNewEvent, type Tx } from "./log.ts";
import { setDue, type TaskRow } from "./rows.ts";

/** How long a sender is asked to wait when a mailbox is full. */
const mailboxRetryAfter: Millis = 1000;

/** Puts an event into a task's mailbox. The caller saves the task. Throws TASK_FINISHED or MAILBOX_FULL. */
export function acceptEvent(tx: Tx, task: TaskRow, now: Millis, event: NewEvent): EventRecord {
  requireUnfinished(task);
  const bound = tx.sql.one<{
    max_pending: number;
  }>`select max_pending from agents where name = ${task.agent}`;
  if (bound !== undefined && task.pending >= bound.max_pending) {
    throw new TaskError(
      "MAILBOX_FULL",
      `the mailbox of task ${task.id} holds ${task.pending} events, as many as it may`,
      {
        metadata: { max_pending: String(bound.max_pending) },
        resource: { type: "task", name: task.id },
        retryAfter: mailboxRetryAfter,
      },
    );
  }
  const sequence = logNewEvent(tx, task, now, event.id, EventState.QUEUED, event.content);
  tx.sql.run`insert into events (task_id, sequence, id, state, attempt, created_at, updated_at)
    values (${task.id}, ${sequence}, ${event.id}, ${EventState.QUEUED}, 0, ${now}, ${now})`;
  task.pending += 1;
  setDue(tx.sql, task, task.due_at ?? now);
  return acceptedEvent(task.id, sequence, now, event.id);
}

/** Makes the record of an event as it was when it was accepted, without its content, which the caller has. */
export function acceptedEvent(taskId: string, sequence: number, time: Millis, id: string): EventRecord {
  return { id, taskId, sequence, state: EventState.QUEUED, attempt: 0, createTime: time, updateTime: time };
}

/** Throws TASK_FINISHED unless the task is PENDING or ACTIVE. */
export function requireUnfinished(task: TaskRow): void {
  if (task.state === TaskState.PENDING || task.state === TaskState.ACTIVE) return;
  const state = TaskState[task.state];
  throw taskFinished(task.id, state, `the task is ${state} and takes no more events`);
}
