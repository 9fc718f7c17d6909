import { MessageState } from "../../../proto.ts";
import type {
  AgentCounts,
  AgentRecord,
  DueTasks,
  DueTasksResult,
  EventRecord,
  ListEvents,
  ListMessages,
  ListPage,
  ListTasks,
  LogEntry,
  LogPage,
  MessageRecord,
  Page,
  ReadLog,
  StateRecord,
  TaskKey,
  TaskRecord,
} from "../records.ts";
import { readDeltas, readEntries, type Tx } from "./log.ts";
import {
  type EventRow,
  eventRecord,
  loadTask,
  type MessageRow,
  messageRecord,
  requireTask,
  type TaskRow,
  taskRecord,
} from "./rows.ts";

/** See Store.putAgents. */
export function putAgents(tx: Tx, agents: readonly AgentRecord[]): void {
  for (const { name, maxPending } of agents) {
    tx.sql.run`insert or replace into agents (name, max_pending) values (${name}, ${maxPending})`;
  }
}

/** See Store.countAgent. */
export function countAgent(tx: Tx, agent: string): AgentCounts {
  return (
    tx.sql.one<AgentCounts>`select count(*) as unfinishedTasks, coalesce(sum(pending), 0) as pendingEvents
      from tasks where agent = ${agent} and ended_at is null` ?? { unfinishedTasks: 0, pendingEvents: 0 }
  );
}

/** See Store.getTask. */
export function getTask(tx: Tx, key: TaskKey): TaskRecord | undefined {
  const row =
    "id" in key
      ? loadTask(tx.sql, key.id)
      : tx.sql.one<TaskRow>`select * from tasks where name = ${key.name}
          order by ended_at is null desc, created_at desc, id desc limit 1`;
  return row && taskRecord(tx.sql, row);
}

/** See Store.listTasks. */
export function listTasks(tx: Tx, args: ListTasks): ListPage<TaskRecord> {
  const { before } = args;
  // A filter that is not given is left out of the text, so that those that are can use their index.
  const where: [condition: string, ...values: (string | number)[]][] = [["true"]];
  if (before !== undefined) where.push(["(created_at, id) < (?, ?)", before.createTime, before.id]);
  if (args.agent !== undefined) where.push(["agent = ?", args.agent]);
  if (args.parentTaskId !== undefined) where.push(["parent_id = ?", args.parentTaskId]);
  if (args.states.length > 0) where.push([`state in (${args.states.map(() => "?")})`, ...args.states]);
  if (args.namePrefix !== undefined) {
    where.push(["substr(name, 1, length(?)) = ?", args.namePrefix, args.namePrefix]);
  }
  for (const [key, value] of Object.entries(args.labels)) {
    where.push(["exists (select 1 from json_each(labels) where key = ? and value = ?)", key, value]);
  }
  const rows = tx.sql.query<TaskRow>(
    `select * from tasks where ${where.map(([condition]) => condition).join(" and ")}
      order by created_at desc, id desc limit ?`,
    [...where.flatMap(([, ...values]) => values), args.limit + 1],
  );
  return fill(
    rows,
    (row) => taskRecord(tx.sql, row),
    (task) =>
      (task.params?.byteLength ?? 0) +
      JSON.stringify(task.labels).length +
      (task.error?.message.length ?? 0) +
      (task.statusReason?.length ?? 0),
    args,
  );
}

/** See Store.listEvents. */
export function listEvents(tx: Tx, args: ListEvents): Page<EventRecord> {
  const task = requireTask(tx.sql, args.taskId);
  const states = args.states.length > 0 ? JSON.stringify(args.states) : null;
  const rows = tx.sql.each<EventRow>`select e.*, l.content from events e
    join log l on l.task_id = e.task_id and l.sequence = e.sequence
    where e.task_id = ${task.id} and e.sequence > ${args.afterSequence}
      and (${states} is null or e.state in (select value from json_each(${states})))
    order by e.sequence`;
  return {
    ...fill(
      rows,
      eventRecord,
      (event) => (event.content?.byteLength ?? 0) + (event.lastError?.message.length ?? 0),
      args,
    ),
    sequence: task.sequence,
  };
}

/** See Store.listMessages. */
export function listMessages(tx: Tx, args: ListMessages): Page<MessageRecord> {
  const task = requireTask(tx.sql, args.taskId);
  const rows = tx.sql
    .each<MessageRow>`select m.task_id, m.sequence, m.id, m.event_id, m.attempt, m.author, m.state,
      m.created_at, m.updated_at, coalesce(m.content, l.content) as content
    from messages m join log l on l.task_id = m.task_id and l.sequence = m.sequence
    where m.task_id = ${task.id} and m.sequence > ${args.afterSequence} and m.state <> ${MessageState.SUPERSEDED}
    order by m.sequence`;
  return { ...fill(rows, withDeltas, sizeOf, args), sequence: task.sequence };

  function withDeltas(row: MessageRow): MessageRecord {
    const record = messageRecord(row);
    if (row.state !== MessageState.STREAMING) return record;
    return { ...record, deltas: readDeltas(tx.sql, row.task_id, row.id, row.sequence) };
  }

  function sizeOf({ content, deltas = [] }: MessageRecord): number {
    const grown = deltas.reduce((sum, delta) => sum + (delta.text?.length ?? delta.part?.byteLength ?? 0), 0);
    return (content?.byteLength ?? 0) + grown;
  }
}

/** See Store.getState. */
export function getState(tx: Tx, taskId: string): StateRecord {
  return readState(tx, requireTask(tx.sql, taskId));
}

export function readState(tx: Tx, task: TaskRow): StateRecord {
  const rows = tx.sql.all<{
    key: string;
    value: string;
  }>`select key, value from task_state where task_id = ${task.id}`;
  const values = Object.fromEntries(rows.map(({ key, value }) => [key, value]));
  return { values, revision: task.revision, sequence: task.sequence };
}

/** See Store.readLog. */
export function readLog(tx: Tx, args: ReadLog): LogPage {
  const task = requireTask(tx.sql, args.taskId);
  const entries: LogEntry[] = [];
  let bytes = 0;
  if (task.sequence > args.afterSequence) {
    for (const { entry, size } of readEntries(tx.sql, task, args.afterSequence)) {
      entries.push(entry);
      bytes += size;
      if (entries.length >= args.maxEntries || bytes >= args.maxBytes) break;
    }
  }
  return { entries, lastSequence: task.sequence, ended: task.ended_at !== null };
}

/** See Store.dueTasks. */
export function dueTasks(tx: Tx, args: DueTasks): DueTasksResult {
  const agents = JSON.stringify(args.agents);
  const due = tx.sql.all<{ id: string }>`select id from tasks where due_at <= ${args.now}
    and turn_owner is not ${args.owner} and agent in (select value from json_each(${agents}))
    order by due_at limit ${args.limit}`;
  const next = tx.sql.one<{ due_at: number }>`select due_at from tasks where due_at > ${args.now}
    and agent in (select value from json_each(${agents})) order by due_at limit 1`;
  return { taskIds: due.map(({ id }) => id), ...(next && { nextDueTime: next.due_at }) };
}

/** Takes rows into a page until it has `limit` items or about `maxBytes`, at least one. */
function fill<Row, Item>(
  rows: Iterable<Row>,
  parse: (row: Row) => Item,
  sizeOf: (item: Item) => number,
  { limit, maxBytes }: { limit: number; maxBytes: number },
): ListPage<Item> {
  const items: Item[] = [];
  let bytes = 0;
  let more = false;
  for (const row of rows) {
    if (items.length >= limit || bytes >= maxBytes) {
      more = true;
      break;
    }
    const item = parse(row);
    bytes += sizeOf(item);
    items.push(item);
  }
  return { items, more };
}
