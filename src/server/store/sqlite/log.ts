import type { MessageState } from "../../../proto.ts";
import type { Delta, EventRecord, LogEntry, MessageRecord, Millis, SupersededRecord } from "../records.ts";
import { taskSize } from "../task-size.ts";
import { type EventRow, snapshotOf, type TaskRow, type TaskSnapshot, taskRecord } from "./rows.ts";
import type { Sql } from "./sql.ts";
import type { Tx } from "./tx.ts";

/** A row of `log`. */
interface LogRow {
  sequence: number;
  time: Millis;
  kind: LogEntry["kind"];
  meta: string;
  content: Uint8Array | null;
}

/** Appends an entry and counts the task's sequence up. Returns the entry's sequence. */
function append(
  tx: Tx,
  task: TaskRow,
  now: Millis,
  kind: LogEntry["kind"],
  meta: unknown,
  content?: Uint8Array,
) {
  task.sequence += 1;
  task.updated_at = now;
  tx.grown.add(task.id);
  tx.sql.run`insert into log (task_id, sequence, time, kind, meta, content)
    values (${task.id}, ${task.sequence}, ${now}, ${kind}, ${JSON.stringify(meta)}, ${content})`;
  return task.sequence;
}

/** Appends the task as it is now, which `task` must say already. */
export function logTask(tx: Tx, task: TaskRow, now: Millis): void {
  const snapshot = snapshotOf(task);
  append(tx, task, now, "task", { ...snapshot, sequence: task.sequence + 1, updateTime: now });
}

/** Appends an event with its content: an entry that puts it into the mailbox, whose sequence becomes the event's. */
export function logNewEvent(
  tx: Tx,
  task: TaskRow,
  now: Millis,
  event: EventRow,
  content: Uint8Array,
): number {
  return append(tx, task, now, "event", eventMeta(event), content);
}

/** Appends a change of an event's state. */
export function logEvent(tx: Tx, task: TaskRow, now: Millis, event: EventRow): void {
  append(tx, task, now, "event", { sequence: event.sequence, ...eventMeta(event) });
}

function eventMeta(event: EventRow): EventMeta {
  return {
    id: event.id,
    state: event.state,
    attempt: event.attempt,
    createTime: event.created_at,
    ...(event.last_error !== null && { lastError: JSON.parse(event.last_error) }),
    ...(event.deliver_at !== null && { deliverTime: event.deliver_at }),
  };
}

/** Appends a message: the entry that begins it, with `meta.sequence` absent, or one that ends it. */
export function logMessage(
  tx: Tx,
  task: TaskRow,
  now: Millis,
  meta: MessageMeta,
  content?: Uint8Array,
): number {
  return append(tx, task, now, "message", meta, content);
}

export function logDelta(tx: Tx, task: TaskRow, now: Millis, { part, ...meta }: Delta): void {
  append(tx, task, now, "delta", meta, part);
}

export function logSuperseded(tx: Tx, task: TaskRow, now: Millis, superseded: SupersededRecord): void {
  append(tx, task, now, "superseded", superseded);
}

type EventMeta = Omit<EventRecord, "taskId" | "sequence" | "content" | "updateTime"> & { sequence?: number };
export type MessageMeta = Omit<
  MessageRecord,
  "taskId" | "sequence" | "content" | "deltas" | "updateTime" | "state"
> & { sequence?: number; state: MessageState };

/** Reads a task's log row by row, after a sequence, with about each entry's size: one of the task repeats what the task was made with. */
export function* readEntries(
  sql: Sql,
  task: TaskRow,
  afterSequence: number,
): Iterable<{ entry: LogEntry; size: number }> {
  const rows = sql.each<LogRow>`select sequence, time, kind, meta, content from log
    where task_id = ${task.id} and sequence > ${afterSequence} order by sequence`;
  for (const row of rows) {
    const entry = entryOf(sql, task, row);
    const size = entry.kind === "task" ? taskSize(entry.task) : (row.content?.byteLength ?? 0);
    yield { entry, size: row.meta.length + size };
  }
}

/** Reads the deltas of a message that is streaming. */
export function readDeltas(sql: Sql, taskId: string, messageId: string, fromSequence: number): Delta[] {
  const rows = sql.all<LogRow>`select sequence, time, kind, meta, content from log
    where task_id = ${taskId} and sequence > ${fromSequence} and kind = 'delta'
      and meta ->> 'messageId' = ${messageId} order by sequence`;
  return rows.map(deltaOf);
}

function entryOf(sql: Sql, task: TaskRow, row: LogRow): LogEntry {
  const { sequence, time } = row;
  const content = row.content === null ? {} : { content: row.content };
  switch (row.kind) {
    case "task": {
      const snapshot: TaskSnapshot = JSON.parse(row.meta);
      return { sequence, time, kind: "task", task: taskRecord(sql, task, snapshot) };
    }
    case "event": {
      const meta: EventMeta = JSON.parse(row.meta);
      return {
        sequence,
        time,
        kind: "event",
        event: { taskId: task.id, sequence, ...meta, ...content, updateTime: time },
      };
    }
    case "message": {
      const meta: MessageMeta = JSON.parse(row.meta);
      return {
        sequence,
        time,
        kind: "message",
        message: { taskId: task.id, sequence, ...meta, ...content, updateTime: time },
      };
    }
    case "delta":
      return { sequence, time, kind: "delta", delta: deltaOf(row) };
    case "superseded":
      return { sequence, time, kind: "superseded", superseded: JSON.parse(row.meta) };
  }
}

function deltaOf(row: LogRow): Delta {
  return { ...JSON.parse(row.meta), ...(row.content !== null && { part: row.content }) };
}
