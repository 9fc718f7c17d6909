import type { EventState, Handler, MessageAuthor, MessageState, TaskState } from "../../../proto.ts";
import type {
  CancellationRecord,
  EventRecord,
  Failure,
  MessageRecord,
  QuestionRecord,
  TaskRecord,
} from "../records.ts";
import type { Sql } from "./sql.ts";

/** A row of `tasks`. */
export interface TaskRow {
  id: string;
  owner: string;
  agent: string;
  name: string | null;
  parent_id: string | null;
  depth: number;
  children: number;
  labels: string;
  state: TaskState;
  status_reason: string | null;
  error: string | null;
  sequence: number;
  created_at: number;
  updated_at: number;
  ended_at: number | null;
  revision: number;
  due_at: number | null;
  waiting: number;
  ahead: number;
  held: number;
  scheduled: number;
  dead: number;
  cursor: number;
  in_hand: number;
  retrying: number;
  processing_id: string | null;
  turn: number;
  deferred: string | null;
  defer_until: number | null;
  defer_count: number | null;
  question: string | null;
  paused: number;
  cancellation: string | null;
  end_state: TaskState | null;
  expire_at: number | null;
  purge_at: number | null;
  compact_at: number | null;
  trace: string | null;
}

/** A row of `turns`: work in hand. */
export interface WorkRow {
  task_id: string;
  work: number;
  turn: number;
  owner: string | null;
  handler: Handler;
  events: string;
  own: number;
  began: number;
  revision: number;
  attempt: number;
  failures: number;
  losses: number;
  due_at: number | null;
  forced: number;
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
  ahead: number;
  hops: number;
  held: number;
  deliver_at: number | null;
  parked: number | null;
  trace: string | null;
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
  turn: number;
  done_sequence: number | null;
  deltas: number;
}

/** What of a task changes: what an entry of kind `task` holds, and what an answer repeats. */
export type TaskSnapshot = Omit<
  TaskRecord,
  "id" | "owner" | "agent" | "name" | "parentTaskId" | "labels" | "params" | "createTime" | "trace"
>;

export function snapshotOf(row: TaskRow): TaskSnapshot {
  return {
    state: row.state,
    ...(row.status_reason !== null && { statusReason: row.status_reason }),
    ...(row.error !== null && { error: parseFailure(row.error) }),
    pendingEvents: row.waiting + row.held,
    ...(row.processing_id !== null && { processingEventId: row.processing_id }),
    sequence: row.sequence,
    updateTime: row.updated_at,
    ...(row.ended_at !== null && { endTime: row.ended_at }),
    ...(row.expire_at !== null && { expireTime: row.expire_at }),
    ...(row.question !== null && { question: parseQuestion(row.question) }),
    ...(row.cancellation !== null && { cancellation: parseCancellation(row.cancellation) }),
    scheduledEvents: row.scheduled,
    deadLetteredEvents: row.dead,
    ...(row.purge_at !== null && { purgeTime: row.purge_at }),
  };
}

/** Makes the record of a task; `snapshot` may be of an earlier moment. */
export function taskRecord(sql: Sql, row: TaskRow, snapshot = snapshotOf(row)): TaskRecord {
  const found = sql.one<{ params: Uint8Array }>`select params from task_params where task_id = ${row.id}`;
  return {
    id: row.id,
    ...(row.owner !== "" && { owner: row.owner }),
    agent: row.agent,
    ...(row.name !== null && { name: row.name }),
    ...(row.parent_id !== null && { parentTaskId: row.parent_id }),
    labels: JSON.parse(row.labels),
    ...(found && { params: found.params }),
    createTime: row.created_at,
    ...(row.trace !== null && { trace: row.trace }),
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
    ...(row.deliver_at !== null && { deliverTime: row.deliver_at }),
    ...(row.trace !== null && { trace: row.trace }),
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

export function parseQuestion(text: string): QuestionRecord {
  return JSON.parse(text);
}

export function parseCancellation(text: string): CancellationRecord {
  return JSON.parse(text);
}

function parseFailure(text: string): Failure {
  return JSON.parse(text);
}
