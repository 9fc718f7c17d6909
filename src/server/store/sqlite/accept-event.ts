import { TaskError, taskFinished } from "../../errors.ts";
import type { NewEvent } from "../calls.ts";
import type { BusyPolicy, EventRecord, Millis } from "../records.ts";
import { EventState, nameOf, TaskState } from "../states.ts";
import { insertEvent } from "./events.ts";
import { interrupt } from "./interrupt-task.ts";
import { ahead } from "./mailbox.ts";
import { policyOf } from "./policies.ts";
import { closeQuestion } from "./questions.ts";
import { type EventRow, parseQuestion, type TaskRow } from "./rows.ts";
import { setTimer } from "./timers.ts";
import type { Tx } from "./tx.ts";

/** How long a sender is asked to wait when a mailbox is full. */
const mailboxRetryAfter: Millis = 1000;

/**
 * Puts an event into a task's mailbox, and does to a busy task what the event asks for. Throws TASK_FINISHED, QUESTION_CLOSED, TASK_BUSY
 * or MAILBOX_FULL.
 */
export function acceptEvent(tx: Tx, task: TaskRow, now: Millis, event: NewEvent): EventRecord {
  requireUnfinished(task);
  requireQuestion(task, now, event);
  requireIdle(task, event);
  // A task that asks handles nothing before the answer: without it, no room would ever come.
  if (event.answers === undefined) requireRoom(tx, task);
  const row = newEventRow(task, now, event);
  if (event.answers === undefined && event.deliverTime !== undefined && event.deliverTime > now) {
    row.state = EventState.SCHEDULED;
    row.deliver_at = event.deliverTime;
    insertEvent(tx, task, now, row, event.content);
    setTimer(tx, row.deliver_at, task.id, "deliver", row.sequence);
    return acceptedEvent({ ...row, on_busy: event.onBusy });
  }
  if (event.onBusy === "interrupt") interrupt(tx, task, now, "an event interrupted the turn");
  insertEvent(tx, task, now, row, event.content);
  if (event.answers !== undefined) closeQuestion(tx, task, now);
  return acceptedEvent({ ...row, on_busy: event.onBusy });
}

/** Makes the row of an event that is to wait in a task's mailbox. */
export function newEventRow(task: TaskRow, now: Millis, event: NewEvent): EventRow {
  return {
    task_id: task.id,
    sequence: 0,
    id: event.id,
    state: EventState.QUEUED,
    attempt: 0,
    last_error: null,
    created_at: now,
    updated_at: now,
    ahead: orderOf(event),
    hops: event.hops ?? 0,
    held: 0,
    deliver_at: null,
    parked: null,
    trace: event.trace ?? null,
  };
}

function orderOf({ onBusy, answers }: NewEvent): number {
  if (answers !== undefined) return ahead.answer;
  return onBusy === "steer" || onBusy === "interrupt" ? ahead[onBusy] : 0;
}

/** What identifies an accepted event, and the choice that was made for it: the same request may come to another later. */
export type AcceptedRow = Pick<
  EventRow,
  "task_id" | "id" | "sequence" | "state" | "created_at" | "deliver_at"
> & { on_busy?: BusyPolicy | undefined };

/** Makes the record of an event as it was when it was accepted, without its content, which the caller has. */
export function acceptedEvent(row: AcceptedRow): EventRecord {
  return {
    id: row.id,
    taskId: row.task_id,
    sequence: row.sequence,
    ...(row.on_busy !== undefined && { onBusy: row.on_busy }),
    state: row.state,
    attempt: 0,
    createTime: row.created_at,
    updateTime: row.created_at,
    ...(row.deliver_at !== null && { deliverTime: row.deliver_at }),
  };
}

/** Throws TASK_FINISHED unless the task takes events. */
export function requireUnfinished(task: TaskRow): void {
  if (takesEvents(task)) return;
  const state = nameOf(TaskState, task.state);
  throw taskFinished(task.id, state, `the task is ${state} and takes no more events`);
}

/** Whether a task is neither finished nor being cancelled. */
export function takesEvents({ state }: TaskRow): boolean {
  return (
    state === TaskState.PENDING ||
    state === TaskState.ACTIVE ||
    state === TaskState.INPUT_REQUIRED ||
    state === TaskState.PAUSED
  );
}

/** A deadline counts from its time on, also while what tells of it is still to come. */
function requireQuestion(task: TaskRow, now: Millis, { answers }: NewEvent): void {
  if (answers === undefined) return;
  const { id, expireTime = Number.POSITIVE_INFINITY } =
    task.question === null ? { id: undefined } : parseQuestion(task.question);
  if (id === answers && now < expireTime) return;
  throw new TaskError("QUESTION_CLOSED", `task ${task.id} does not ask question ${JSON.stringify(answers)}`, {
    precondition: { subject: task.id, description: "the question is not open, or not any more" },
  });
}

function requireIdle(task: TaskRow, { onBusy }: NewEvent): void {
  if (onBusy !== "reject" || (task.in_hand === 0 && task.waiting === 0)) return;
  throw new TaskError("TASK_BUSY", `task ${task.id} is busy`, {
    precondition: { subject: task.id, description: "a turn is in hand, or events wait" },
  });
}

/** Throws MAILBOX_FULL if a mailbox takes no more events. Returns how many more it takes: `least`, or more if there is room. */
export function requireRoom(tx: Tx, task: TaskRow, least = 0): number {
  const { maxPending } = policyOf(tx.sql, task.agent);
  const pending = task.waiting + task.held + task.scheduled;
  const room = Math.max(least, maxPending - pending);
  if (room > 0) return room;
  throw new TaskError(
    "MAILBOX_FULL",
    `the mailbox of task ${task.id} holds ${pending} events, as many as it may`,
    {
      metadata: { max_pending: String(maxPending) },
      resource: { type: "task", name: task.id },
      retryAfter: mailboxRetryAfter,
    },
  );
}
