import { taskNotFound } from "../../errors.ts";
import type { StoppedTurn } from "../calls.ts";
import type { Millis } from "../records.ts";
import type { EventChanges } from "../store.ts";
import type { TaskRow } from "./rows.ts";
import type { Sql } from "./sql.ts";

/**
 * A transaction: its statements, the rows of the tasks that it works on, and what it will have changed.
 *
 * A task is loaded once, changed as a plain object by all who work on it, and written back at the end.
 */
export interface Tx {
  sql: Sql;
  tasks: Map<string, TaskRow>;
  /** The tasks whose logs it has appended to, or deleted. */
  grown: Set<string>;
  /** The tasks that have a turn to start, and when. */
  due: Map<string, Millis>;
  /** The running turns that it has made void from outside. */
  stopped: StoppedTurn[];
  /** The earliest timer that it has set. */
  timer: Millis;
  /** What has become of events, by agent: for figures alone. */
  events: Map<string, EventChanges>;
}

export function createTx(sql: Sql): Tx {
  return {
    sql,
    tasks: new Map(),
    grown: new Set(),
    due: new Map(),
    stopped: [],
    timer: Number.POSITIVE_INFINITY,
    events: new Map(),
  };
}

/** Notes what a part of a transaction has changed, after it. */
export function addChanges(to: Pick<Tx, "grown" | "due" | "stopped" | "timer" | "events">, part: Tx): void {
  for (const taskId of part.grown) to.grown.add(taskId);
  for (const taskId of part.tasks.keys()) to.due.delete(taskId);
  for (const [taskId, time] of part.due) to.due.set(taskId, time);
  to.stopped.push(...part.stopped);
  to.timer = Math.min(to.timer, part.timer);
  for (const [agent, changes] of part.events) {
    const sum = changesOf(to, agent);
    sum.accepted += changes.accepted;
    sum.deadLettered += changes.deadLettered;
    sum.queued += changes.queued;
    sum.scheduled += changes.scheduled;
    sum.dead += changes.dead;
  }
}

/** What has become of an agent's events, to be added to. */
export function changesOf({ events }: Pick<Tx, "events">, agent: string): EventChanges {
  const known = events.get(agent);
  if (known !== undefined) return known;
  const none = { accepted: 0, deadLettered: 0, queued: 0, scheduled: 0, dead: 0 };
  events.set(agent, none);
  return none;
}

/** Loads a task to change it. What is changed of the row is written at the end of the transaction. */
export function loadTask(tx: Tx, id: string): TaskRow | undefined {
  const known = tx.tasks.get(id) ?? readTask(tx.sql, id);
  if (known !== undefined) tx.tasks.set(id, known);
  return known;
}

/** Loads a task that must be there, to change it. Throws TASK_NOT_FOUND. */
export function requireTask(tx: Tx, id: string): TaskRow {
  const row = loadTask(tx, id);
  if (row === undefined) throw taskNotFound(id);
  return row;
}

/** Reads a task that must be there, to look at it. Throws TASK_NOT_FOUND. */
export function readTaskOf(sql: Sql, id: string): TaskRow {
  const row = readTask(sql, id);
  if (row === undefined) throw taskNotFound(id);
  return row;
}

export function readTask(sql: Sql, id: string): TaskRow | undefined {
  return sql.one<TaskRow>`select * from tasks where id = ${id}`;
}
