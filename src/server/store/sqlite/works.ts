import { TaskError } from "../../errors.ts";
import type { Failure, Millis } from "../records.ts";
import { MessageState } from "../states.ts";
import { armCompaction } from "./compact.ts";
import { readEvents } from "./events.ts";
import { logSuperseded } from "./log.ts";
import type { EventRow, TaskRow, WorkRow } from "./rows.ts";
import { loadTask, type Tx } from "./tx.ts";

/** A running turn: its task, and the work that it is for. */
export interface RunningTurn {
  task: TaskRow;
  work: WorkRow;
}

/** Loads a turn that must be running. Throws TURN_OVER. */
export function requireTurn(tx: Tx, taskId: string, turn: number): RunningTurn {
  const work = tx.sql.one<WorkRow>`select * from turns
    where task_id = ${taskId} and turn = ${turn} and owner is not null`;
  const task = work && loadTask(tx, taskId);
  if (work === undefined || task === undefined)
    throw new TaskError("TURN_OVER", `turn ${turn} of task ${taskId} is over`);
  return { task, work };
}

/** Reads the works that a task has in hand, the oldest first. */
export function readWorks(tx: Tx, task: TaskRow): WorkRow[] {
  if (task.in_hand === 0) return [];
  return tx.sql.all<WorkRow>`select * from turns where task_id = ${task.id} order by work`;
}

/** Reads the events of a work, its own and those that its running turn has taken, without their contents: together these have no bound. */
export function eventsOf(tx: Tx, task: TaskRow, work: WorkRow): { own: EventRow[]; taken: EventRow[] } {
  const sequences = sequencesOf(work);
  const events = readEvents(tx, task, sequences);
  return { own: events.slice(0, work.own), taken: events.slice(work.own) };
}

export function sequencesOf({ events }: WorkRow): number[] {
  return JSON.parse(events);
}

/**
 * Makes a running turn void (G3): what it showed is superseded, on the record with the error. Nothing can write for it any more. What becomes
 * of its work and its events is up to the caller.
 */
export function supersedeTurn(
  tx: Tx,
  { task, work }: RunningTurn,
  now: Millis,
  events: readonly EventRow[],
  error: Failure,
  retryTime?: Millis,
): void {
  const shown = tx.sql.all<{ id: string; deltas: number }>`select id, deltas from messages
    where task_id = ${task.id} and sequence > ${work.began} and turn = ${work.turn} order by sequence`;
  const [first] = events;
  logSuperseded(tx, task, now, {
    handler: work.handler,
    ...(first && { eventId: first.id }),
    eventIds: events.map(({ id }) => id),
    attempt: work.attempt,
    messageIds: shown.map(({ id }) => id),
    error,
    ...(retryTime !== undefined && { retryTime }),
  });
  tx.sql
    .run`update messages set state = ${MessageState.SUPERSEDED}, updated_at = ${now}, done_sequence = ${task.sequence}
    where task_id = ${task.id} and sequence > ${work.began} and turn = ${work.turn}`;
  if (shown.some(({ deltas }) => deltas === 1)) armCompaction(tx, task, now);
}

/** Keeps a work whose turn ended without effect in hand, to be tried again at a time. */
export function keepWork(tx: Tx, task: TaskRow, work: WorkRow, dueTime: Millis): void {
  const events = JSON.stringify(sequencesOf(work).slice(0, work.own));
  tx.sql
    .run`update turns set owner = null, due_at = ${dueTime}, events = ${events}, failures = ${work.failures},
      losses = ${work.losses}
    where task_id = ${task.id} and work = ${work.work}`;
  task.retrying += 1;
  showProcessing(tx, task);
}

/** Lets go of a work: it is done, or dropped. */
export function closeWork(tx: Tx, task: TaskRow, work: WorkRow): void {
  tx.sql.run`delete from turns where task_id = ${task.id} and work = ${work.work}`;
  task.in_hand -= 1;
  if (work.owner === null) task.retrying -= 1;
  showProcessing(tx, task);
}

/** Says of a task which event is being processed, the oldest of several. */
export function showProcessing(tx: Tx, task: TaskRow): void {
  task.processing_id = null;
  if (task.in_hand === task.retrying) return;
  const works = tx.sql.all<{ events: string }>`select events from turns
    where task_id = ${task.id} and owner is not null`;
  const sequences = works.flatMap(({ events }): number[] => JSON.parse(events));
  const oldest = sequences.reduce((least, sequence) => Math.min(least, sequence), Number.POSITIVE_INFINITY);
  if (oldest === Number.POSITIVE_INFINITY) return;
  const event = tx.sql.one<{ id: string }>`select id from events
    where task_id = ${task.id} and sequence = ${oldest}`;
  task.processing_id = event?.id ?? null;
}

/** Tells the running turn's owner that it is over. */
export function stopTurn(tx: Tx, work: WorkRow, error: Failure): void {
  if (work.owner !== null) tx.stopped.push({ taskId: work.task_id, turn: work.turn, error });
}
