import type { EventState, Handler, MessageAuthor, MessageState, TaskState } from "../../../proto.ts";
import { taskNotFound } from "../../errors.ts";
import type { EventRecord, Failure, MessageRecord, Millis, TaskRecord } from "../records.ts";
import type { Sql } from "./sql.ts";

/** A row of `tasks`. */
export interface TaskRow {
  id: string;
  agent: string;
  name: string | null;
  parent_id: string | null;
  labels: string;
  state: TaskState;
  status_reason: string | null;
  error: string | null;
  pending: number;
  processing_id: string | null;
  sequence: number;
  created_at: number;
  updated_at: number;
  ended_at: number | null;
  revision: number;
  due_at: number | null;
  cursor: number;
  turn: number;
  turn_owner: string | null;
  turn_handler: Handler | null;
  turn_event: number | null;
  turn_began: number | null;
  attempt: number;
  failures: number;
  losses: number;
}

/** A row of `events`, with its content where it was read along. */
export interface EventRow {
  task_id: string;
  sequence: number;
  id: string;
  state: EventState;
  attempt: number;
  last_error: string | null;
  created_at: number;
  updated_at: number;
  content?: Uint8Array | null;
}

/** A row of `messages`, with its content where it was read along. */
export interface MessageRow {
  task_id: string;
  sequence: number;
  id: string;
  event_id: string | null;
  attempt: number;
  author: MessageAuthor;
  state: MessageState;
  content?: Uint8Array | null;
  created_at: number;
  updated_at: number;
}

/** What of a task changes: what an entry of kind `task` holds, and what an answer repeats. */
export type TaskSnapshot = Omit<
  TaskRecord,
  "id" | "agent" | "name" | "parentTaskId" | "labels" | "params" | "createTime"
>;

export function snapshotOf(row: TaskRow): TaskSnapshot {
  return {
    state: row.state,
    ...(row.status_reason !== null && { statusReason: row.status_reason }),
    ...(row.error !== null && { error: parseFailure(row.error) }),
    pendingEvents: row.pending,
    ...(row.processing_id !== null && { processingEventId: row.processing_id }),
    sequence: row.sequence,
    updateTime: row.updated_at,
    ...(row.ended_at !== null && { endTime: row.ended_at }),
  };
}

/** Makes the record of a task; `snapshot` may be of an earlier moment. */
export function taskRecord(sql: Sql, row: TaskRow, snapshot = snapshotOf(row)): TaskRecord {
  const found = sql.one<{ params: Uint8Array }>`select params from task_params where task_id = ${row.id}`;
  return {
    id: row.id,
    agent: row.agent,
    ...(row.name !== null && { name: row.name }),
    ...(row.parent_id !== null && { parentTaskId: row.parent_id }),
    labels: JSON.parse(row.labels),
    ...(found && { params: found.params }),
    createTime: row.created_at,
    ...snapshot,
  };
}

export function eventRecord(row: EventRow): EventRecord {
  return {
    id: row.id,
    taskId: row.task_id,
    sequence: row.sequence,
    ...(row.content && { content: row.content }),
    state: row.state,
    attempt: row.attempt,
    ...(row.last_error !== null && { lastError: parseFailure(row.last_error) }),
    createTime: row.created_at,
    updateTime: row.updated_at,
  };
}

export function messageRecord(row: MessageRow): MessageRecord {
  return {
    id: row.id,
    taskId: row.task_id,
    sequence: row.sequence,
    ...(row.event_id !== null && { eventId: row.event_id }),
    attempt: row.attempt,
    author: row.author,
    ...(row.content && { content: row.content }),
    state: row.state,
    createTime: row.created_at,
    updateTime: row.updated_at,
  };
}

export function loadTask(sql: Sql, id: string): TaskRow | undefined {
  return sql.one<TaskRow>`select * from tasks where id = ${id}`;
}

/** Loads a task that must be there. Throws TASK_NOT_FOUND. */
export function requireTask(sql: Sql, id: string): TaskRow {
  const row = loadTask(sql, id);
  if (row === undefined) throw taskNotFound(id);
  return row;
}

/** Says when a task's next turn is due: null when it has none. Apart from saveTask, because it stands in an index and rarely changes. */
export function setDue(sql: Sql, row: TaskRow, dueTime: Millis | null): void {
  if (row.due_at === dueTime) return;
  row.due_at = dueTime;
  sql.run`update tasks set due_at = ${dueTime} where id = ${row.id}`;
}

/** Says that a task has ended: it has no more turns. */
export function setEnded(sql: Sql, row: TaskRow, now: Millis): void {
  row.ended_at = now;
  row.due_at = null;
  sql.run`update tasks set ended_at = ${now}, due_at = null where id = ${row.id}`;
}

/** Writes back what changes of a task, except when it is due and when it ended. */
export function saveTask(sql: Sql, row: TaskRow): void {
  sql.run`update tasks set state = ${row.state}, status_reason = ${row.status_reason}, error = ${row.error},
    pending = ${row.pending}, processing_id = ${row.processing_id}, sequence = ${row.sequence},
    updated_at = ${row.updated_at}, revision = ${row.revision}, cursor = ${row.cursor},
    turn = ${row.turn}, turn_owner = ${row.turn_owner}, turn_handler = ${row.turn_handler},
    turn_event = ${row.turn_event}, turn_began = ${row.turn_began},
    attempt = ${row.attempt}, failures = ${row.failures}, losses = ${row.losses}
    where id = ${row.id}`;
}

function parseFailure(text: string): Failure {
  return JSON.parse(text);
}
