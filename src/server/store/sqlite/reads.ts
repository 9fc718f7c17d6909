import type {
  CountAgent,
  CountUnfinished,
  DueTasks,
  DueTasksResult,
  ListEvents,
  ListMessages,
  PeekEvents,
  ReadLog,
  TaskKey,
} from "../queries.ts";
import type {
  AgentCounts,
  EventRecord,
  LogEntry,
  LogPage,
  MessageRecord,
  Page,
  StateRecord,
  TaskRecord,
} from "../records.ts";
import { MessageState } from "../states.ts";
import { readDeltas, readEntries } from "./log.ts";
import { firstEvents, readWaiting } from "./mailbox.ts";
import { fill } from "./pages.ts";
import {
  type EventRow,
  eventRecord,
  type MessageRow,
  messageRecord,
  type TaskRow,
  taskRecord,
} from "./rows.ts";
import type { Sql } from "./sql.ts";
import { readTask, readTaskOf, type Tx } from "./tx.ts";

/** See Store.countAgent. How many events wait stands in no index, which each event would have to change: it looks at every task. */
export function countAgent(tx: Tx, { agent, owner, after = "", maxScanned }: CountAgent): AgentCounts {
  const row =
    owner === undefined
      ? tx.sql.one<AgentCounts & { last: string }>`select count(*) as unfinishedTasks,
            coalesce(sum(pending), 0) as pendingEvents, max(id) as last
          from (select id, waiting + held as pending from tasks indexed by tasks_unfinished
            where agent = ${agent} and ended_at is null and id > ${after} order by id limit ${maxScanned})`
      : tx.sql.one<AgentCounts & { last: string }>`select count(*) as unfinishedTasks,
            coalesce(sum(pending), 0) as pendingEvents, max(id) as last
          from (select id, waiting + held as pending from tasks indexed by tasks_owner_unfinished
            where agent = ${agent} and owner = ${owner} and owner <> '' and ended_at is null and id > ${after}
            order by id limit ${maxScanned})`;
  const { unfinishedTasks, pendingEvents, last } = row ?? { unfinishedTasks: 0, pendingEvents: 0, last: "" };
  return { unfinishedTasks, pendingEvents, ...(unfinishedTasks === maxScanned && { next: last }) };
}

/** See Store.countUnfinished. Stops where the bound is reached, so that a store of millions is not counted through. */
export function countUnfinished(tx: Tx, { owner, atMost }: CountUnfinished): number {
  const row =
    owner === ""
      ? tx.sql.one<{ tasks: number }>`select count(*) as tasks from
          (select 1 from tasks where owner = '' and ended_at is null limit ${atMost})`
      : tx.sql.one<{ tasks: number }>`select count(*) as tasks from
          (select 1 from tasks where owner = ${owner} and owner <> '' and ended_at is null limit ${atMost})`;
  return row?.tasks ?? 0;
}

/** See Store.getTask. */
export function getTask(tx: Tx, key: TaskKey): TaskRecord | undefined {
  const row = "id" in key ? readTask(tx.sql, key.id) : readNamed(tx.sql, key.name, key.owner);
  return row && taskRecord(tx.sql, row);
}

/** A name may have been that of any number of tasks: of those that have ended, it looks at an owner's last one alone. */
function readNamed(sql: Sql, name: string, owner: string | undefined): TaskRow | undefined {
  const unfinished = sql.one<TaskRow>`select * from tasks indexed by tasks_name
    where name = ${name} and owner = coalesce(${owner}, owner) and ended_at is null
    order by created_at desc, id desc limit 1`;
  if (unfinished !== undefined) return unfinished;
  if (owner !== undefined) {
    return sql.one<TaskRow>`select * from tasks where name = ${name} and owner = ${owner}
      order by created_at desc, id desc limit 1`;
  }
  return sql.one<TaskRow>`with recursive owners (owner) as (select min(owner) from tasks where name = ${name}
      union all select (select min(owner) from tasks where name = ${name} and owner > o.owner)
        from owners o where o.owner is not null)
    select t.* from owners o join tasks t on t.id = (select id from tasks where name = ${name} and owner = o.owner
        order by created_at desc, id desc limit 1)
    order by t.created_at desc, t.id desc limit 1`;
}

/** See Store.listEvents. */
export function listEvents(tx: Tx, args: ListEvents): Page<EventRecord> {
  const task = readTaskOf(tx.sql, args.taskId);
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
  const task = readTaskOf(tx.sql, args.taskId);
  const rows = tx.sql
    .each<MessageRow>`select m.task_id, m.sequence, m.id, m.event_id, m.attempt, m.author, m.state,
      m.created_at, m.updated_at, m.turn, m.done_sequence, m.deltas, coalesce(m.content, l.content) as content
    from messages m join log l on l.task_id = m.task_id and l.sequence = coalesce(m.done_sequence, m.sequence)
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
  return readState(tx.sql, readTaskOf(tx.sql, taskId));
}

export function readState(sql: Sql, task: TaskRow): StateRecord {
  const rows = sql.all<{
    key: string;
    value: string;
  }>`select key, value from task_state where task_id = ${task.id} and value is not null`;
  const values = Object.fromEntries(rows.map(({ key, value }) => [key, value]));
  return { values, revision: task.revision, sequence: task.sequence };
}

/** See Store.readLog. */
export function readLog(tx: Tx, args: ReadLog): LogPage {
  const task = readTaskOf(tx.sql, args.taskId);
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

/** See Store.peekEvents. */
export function peekEvents(tx: Tx, args: PeekEvents): EventRecord[] {
  const waiting = readWaiting(tx.sql, readTaskOf(tx.sql, args.taskId));
  return firstEvents(waiting, args).map(eventRecord);
}

/** See Store.dueTasks. It names its index: SQLite would go through all tasks of the agents, finished ones too. */
export function dueTasks(tx: Tx, args: DueTasks): DueTasksResult {
  const agents = JSON.stringify(args.agents);
  const due = tx.sql.all<{ id: string }>`select id from tasks indexed by tasks_due where due_at <= ${args.now}
    and agent in (select value from json_each(${agents})) order by due_at limit ${args.limit}`;
  const next = tx.sql.one<{
    due_at: number;
  }>`select due_at from tasks indexed by tasks_due where due_at > ${args.now}
    and agent in (select value from json_each(${agents})) order by due_at limit 1`;
  return { taskIds: due.map(({ id }) => id), ...(next && { nextDueTime: next.due_at }) };
}
