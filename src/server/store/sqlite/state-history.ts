import { TaskError } from "../../errors.ts";
import type { GetStateAt, ListStates } from "../queries.ts";
import type { Millis, Page, StateRecord, StateRevision } from "../records.ts";
import { fill } from "./pages.ts";
import { policyOf } from "./policies.ts";
import { readState } from "./reads.ts";
import type { TaskRow } from "./rows.ts";
import type { Sql } from "./sql.ts";
import { readTaskOf, type Tx } from "./tx.ts";

/** How long all that is kept of a task may be, in characters of JSON: the newest revision is kept however long it is. */
const maxLength = 1_048_576;

/** A row of `state_history`. */
interface RevisionRow {
  revision: number;
  sequence: number;
  time: Millis;
  undo: string;
}

/**
 * Keeps what leads back from the revision that a turn makes: to be called before it changes the values, when the task has the number of the
 * new one. What is kept grows with what changes and not with the state, and is bounded by the agent's rule and in its length.
 */
export function keepRevision(tx: Tx, task: TaskRow, now: Millis, keys: readonly string[]): void {
  const { stateHistory = 0 } = policyOf(tx.sql, task.agent);
  if (stateHistory === 0) return;
  // Not by SQLite's functions of JSON, which end a text at a NUL.
  const undo = JSON.stringify(
    Object.fromEntries(keys.map((key) => [key, readValue(tx.sql, task.id, key) ?? null])),
  );
  const { id, revision } = task;
  const kept = tx.sql.one<{
    start: number;
  }>`insert into state_history (task_id, revision, sequence, time, undo, start)
    values (${id}, ${revision}, ${task.sequence + 1}, ${now}, ${undo}, coalesce(
      (select start + length(undo) from state_history where task_id = ${id} and revision = ${revision - 1}), 0))
    returning start`;
  const surplus = (kept?.start ?? 0) + undo.length - maxLength;
  if (revision <= stateHistory && surplus <= 0) return;
  tx.sql
    .run`delete from state_history where task_id = ${id} and revision < max(${revision - stateHistory + 1},
    coalesce((select revision from state_history where task_id = ${id} and start >= ${surplus}
      order by revision limit 1), ${revision}))`;
}

function readValue(sql: Sql, taskId: string, key: string): string | null | undefined {
  return sql.one<{ value: string | null }>`select value from task_state
    where task_id = ${taskId} and key = ${key}`?.value;
}

/** See Store.listStates. */
export function listStates(tx: Tx, args: ListStates): Page<StateRevision> {
  const task = readTaskOf(tx.sql, args.taskId);
  const { beforeRevision = Number.MAX_SAFE_INTEGER } = args;
  const rows = [...readRevisions(tx.sql, task)].filter(({ revision }) => revision < beforeRevision);
  const page = fill(
    rows,
    ({ revision, sequence, time, undo }) => ({
      ...{ revision, sequence, commitTime: time },
      changedKeys: Object.keys(parseUndo(undo)),
    }),
    ({ changedKeys }) => changedKeys.reduce((sum, key) => sum + key.length, 0),
    args,
  );
  return { ...page, sequence: task.sequence };
}

/** See Store.getStateAt. */
export function getStateAt(tx: Tx, { taskId, revision }: GetStateAt): StateRecord {
  const task = readTaskOf(tx.sql, taskId);
  const present = readState(tx.sql, task);
  if (revision === task.revision) return present;
  const values = new Map(Object.entries(present.values));
  for (const row of readRevisions(tx.sql, task)) {
    if (row.revision === revision) {
      return { values: Object.fromEntries(values), revision, sequence: row.sequence };
    }
    for (const [key, value] of Object.entries(parseUndo(row.undo))) {
      if (value === null) values.delete(key);
      else values.set(key, value);
    }
  }
  throw new TaskError(
    "REVISION_NOT_FOUND",
    `revision ${revision} of the state of task ${taskId} is not kept`,
    {
      resource: { type: "state", name: `${taskId}@${revision}` },
      metadata: { revision: String(task.revision) },
    },
  );
}

/** Reads what is kept, from the present revision back to where a gap is. */
function* readRevisions(sql: Sql, task: TaskRow): Iterable<RevisionRow> {
  let expected = task.revision;
  for (const row of sql.each<RevisionRow>`select revision, sequence, time, undo from state_history
      where task_id = ${task.id} order by revision desc`) {
    if (row.revision !== expected) return;
    yield row;
    expected -= 1;
  }
}

/** The undo is of our own writing. */
function parseUndo(undo: string): Record<string, string | null> {
  return JSON.parse(undo);
}
