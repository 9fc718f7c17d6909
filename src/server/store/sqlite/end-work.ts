import { EventState, type Handler, MessageState, TaskState } from "../../../proto.ts";
import type { Failure, Millis } from "../records.ts";
import { logEvent, logSuperseded, logTask, type Tx } from "./log.ts";
import { type EventRow, setEnded, type TaskRow } from "./rows.ts";

/** Reads the event that a task's running turn is for. */
export function turnEvent(tx: Tx, task: TaskRow): EventRow | undefined {
  if (task.turn_event === null) return undefined;
  return tx.sql
    .one<EventRow>`select * from events where task_id = ${task.id} and sequence = ${task.turn_event}`;
}

/** Moves an event to a state, on the record. The caller saves the task. */
export function moveEvent(tx: Tx, task: TaskRow, now: Millis, event: EventRow, state: EventState): void {
  event.state = state;
  event.updated_at = now;
  tx.sql
    .run`update events set state = ${state}, attempt = ${event.attempt}, last_error = ${event.last_error}, updated_at = ${now}
    where task_id = ${task.id} and sequence = ${event.sequence}`;
  logEvent(tx, task, now, event);
}

/** Moves the event of a turn that failed, if it was for one, to a state, with what it failed with. The caller saves the task. */
export function failEvent(
  tx: Tx,
  task: TaskRow,
  now: Millis,
  event: EventRow | undefined,
  state: EventState,
  error: Failure,
): void {
  if (event === undefined) return;
  event.last_error = JSON.stringify(error);
  moveEvent(tx, task, now, event, state);
}

/**
 * Makes a task's running turn void (G3): what it showed is superseded, on the record with the error. The turn is over from here on.
 * What becomes of its event is up to the caller, who also saves the task.
 */
export function supersedeTurn(tx: Tx, task: TaskRow, now: Millis, error: Failure, retryTime?: Millis): void {
  const handler = task.turn_handler;
  if (handler === null) return;
  const shown = tx.sql.all<{ sequence: number; id: string }>`select sequence, id from messages
    where task_id = ${task.id} and sequence > ${task.turn_began} and state <> ${MessageState.SUPERSEDED} order by sequence`;
  tx.sql.run`update messages set state = ${MessageState.SUPERSEDED}, updated_at = ${now}
    where task_id = ${task.id} and sequence > ${task.turn_began}`;
  logSuperseded(tx, task, now, {
    handler: handler satisfies Handler,
    ...(task.processing_id !== null && { eventId: task.processing_id }),
    attempt: task.attempt,
    messageIds: shown.map(({ id }) => id),
    error,
    ...(retryTime !== undefined && { retryTime }),
  });
  closeTurn(task);
}

/** Forgets a task's running turn, so that nothing can write for it any more. The caller saves the task. */
export function closeTurn(task: TaskRow): void {
  task.turn_owner = null;
  task.turn_handler = null;
  task.turn_event = null;
  task.turn_began = null;
  task.processing_id = null;
}

/** Forgets how often the work at hand was tried: it is done, or dropped. */
export function closeWork(task: TaskRow): void {
  task.attempt = 0;
  task.failures = 0;
  task.losses = 0;
}

/** Drops all that waits in a task's mailbox, on the record. The caller saves the task. */
export function dropPending(tx: Tx, task: TaskRow, now: Millis): void {
  const events = tx.sql.all<EventRow>`select * from events
    where task_id = ${task.id} and sequence > ${task.cursor} and state = ${EventState.QUEUED} order by sequence`;
  for (const event of events) moveEvent(tx, task, now, event, EventState.DROPPED);
  task.pending = 0;
}

/** Brings a task to a final state: drops what waits, and appends the final entry. The caller saves the task. */
export function endTask(
  tx: Tx,
  task: TaskRow,
  now: Millis,
  end: { state: TaskState; reason?: string; error?: Failure },
): void {
  dropPending(tx, task, now);
  task.state = end.state;
  if (end.reason !== undefined) task.status_reason = end.reason;
  if (end.error !== undefined) task.error = JSON.stringify(end.error);
  setEnded(tx.sql, task, now);
  logTask(tx, task, now);
}

/** Ends a task whose work at hand is given up: FAILED, or CANCELLED if that work was onTaskCancel. */
export function giveUp(tx: Tx, task: TaskRow, now: Millis, error: Failure): void {
  const state = task.state === TaskState.CANCELLING ? TaskState.CANCELLED : TaskState.FAILED;
  closeWork(task);
  endTask(tx, task, now, { state, error });
}
