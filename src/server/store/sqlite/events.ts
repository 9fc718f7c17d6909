import type { Failure, Millis } from "../records.ts";
import { EventState } from "../states.ts";
import { logEvent, logNewEvent } from "./log.ts";
import type { EventRow, TaskRow } from "./rows.ts";
import { changesOf, type Tx } from "./tx.ts";

/** Where an event comes to. */
export interface Place {
  state: EventState;
  /** Whether it is in hand. */
  held?: boolean;
  /** What brought it there. Absent: what is on record stays. */
  error?: Failure;
}

/** Why an event is kept apart from the mailbox, as `parked` says. */
const parked = { scheduled: 1, dead: 2 };

/** Puts a new event where its row says, and gives it its sequence. */
export function insertEvent(tx: Tx, task: TaskRow, now: Millis, row: EventRow, content: Uint8Array): void {
  row.parked = parkedAs(row.state);
  row.sequence = logNewEvent(tx, task, now, row, content);
  tx.sql
    .run`insert into events (task_id, sequence, id, state, attempt, created_at, updated_at, ahead, hops, held,
      deliver_at, parked, trace)
    values (${row.task_id}, ${row.sequence}, ${row.id}, ${row.state}, 0, ${now}, ${now}, ${row.ahead}, ${row.hops}, 0,
      ${row.deliver_at}, ${row.parked}, ${row.trace})`;
  changesOf(tx, task.agent).accepted += 1;
  count(tx, task, row, 1);
}

/** Moves an event to another place, on the record. */
export function moveEvent(tx: Tx, task: TaskRow, now: Millis, event: EventRow, to: Place): void {
  count(tx, task, event, -1);
  event.state = to.state;
  event.held = to.held === true ? 1 : 0;
  event.updated_at = now;
  if (to.error !== undefined) event.last_error = JSON.stringify(to.error);
  if (to.state === EventState.DEAD_LETTERED) changesOf(tx, task.agent).deadLettered += 1;
  count(tx, task, event, 1);
  tx.sql
    .run`update events set state = ${event.state}, attempt = ${event.attempt}, last_error = ${event.last_error},
      held = ${event.held}, updated_at = ${now}
    where task_id = ${event.task_id} and sequence = ${event.sequence}`;
  park(tx, event);
  logEvent(tx, task, now, event);
}

/** Puts an event that is kept apart into the mailbox, at its end: not tried yet, under a new sequence, with its content in the log again. */
export function enqueueEvent(tx: Tx, task: TaskRow, now: Millis, event: EventRow): void {
  const { sequence: before } = event;
  const entry = tx.sql.one<{ content: Uint8Array }>`select content from log
    where task_id = ${task.id} and sequence = ${before}`;
  count(tx, task, event, -1);
  Object.assign(event, {
    state: EventState.QUEUED,
    attempt: 0,
    last_error: null,
    updated_at: now,
    parked: null,
  });
  event.sequence = logNewEvent(tx, task, now, event, entry?.content ?? new Uint8Array());
  count(tx, task, event, 1);
  tx.sql
    .run`update events set sequence = ${event.sequence}, state = ${event.state}, attempt = 0, last_error = null,
      updated_at = ${now}, ahead = ${event.ahead}, parked = null
    where task_id = ${event.task_id} and sequence = ${before}`;
}

/** Reads events of a task by their sequences, in the order of these, without their contents. */
export function readEvents(tx: Tx, task: TaskRow, sequences: readonly number[]): EventRow[] {
  return sequences.flatMap(
    (sequence) =>
      tx.sql.one<EventRow>`select * from events where task_id = ${task.id} and sequence = ${sequence}` ?? [],
  );
}

/** Reads events of a task by their sequences, in the order of these, with their contents. */
export function readWholeEvents(tx: Tx, task: TaskRow, sequences: readonly number[]): EventRow[] {
  return sequences.flatMap(
    (sequence) =>
      tx.sql.one<EventRow>`select e.*, l.content from events e
        join log l on l.task_id = e.task_id and l.sequence = e.sequence
        where e.task_id = ${task.id} and e.sequence = ${sequence}` ?? [],
  );
}

/** Reads the events of a task that are kept apart in a state, in the order of their sequences. */
export function readParked(tx: Tx, task: TaskRow, state: EventState): EventRow[] {
  const rows = tx.sql
    .all<EventRow>`select * from events indexed by events_parked where task_id = ${task.id} and parked = ${parkedAs(state)}`;
  return rows.sort((a, b) => a.sequence - b.sequence);
}

/** Finds an event that is kept apart by its id. */
export function findParked(tx: Tx, task: TaskRow, id: string): EventRow | undefined {
  return tx.sql.one<EventRow>`select * from events indexed by events_parked
    where task_id = ${task.id} and id = ${id} and parked is not null`;
}

/**
 * Finds an event by its id. One that is not kept apart is looked for among all events of the task, the latest first, which are those that
 * wait: an index of ids would cost each event that is accepted more than it saves those few that are asked for.
 */
export function findEvent(tx: Tx, task: TaskRow, id: string): EventRow | undefined {
  return (
    findParked(tx, task, id) ??
    tx.sql.one<EventRow>`select * from events where task_id = ${task.id} and id = ${id}
      order by sequence desc limit 1`
  );
}

/** Counts an event in its task and its agent, or out of them. */
function count(tx: Tx, task: TaskRow, event: EventRow, by: 1 | -1): void {
  const changes = changesOf(tx, task.agent);
  if (event.state === EventState.SCHEDULED) changes.scheduled += by;
  else if (event.state === EventState.DEAD_LETTERED) changes.dead += by;
  else if (event.state === EventState.QUEUED) changes.queued += by;
  if (event.state === EventState.SCHEDULED) task.scheduled += by;
  else if (event.state === EventState.DEAD_LETTERED) task.dead += by;
  else if (event.state === EventState.QUEUED && event.held === 1) task.held += by;
  else if (event.state === EventState.QUEUED) {
    task.waiting += by;
    if (event.ahead > 0) task.ahead += by;
    // Whatever waits is found after the cursor.
    if (by === 1) task.cursor = Math.min(task.cursor, event.sequence - 1);
  }
}

/** Notes whether an event is kept apart. It stands in an index and changes rarely, so that it is written apart. */
function park(tx: Tx, event: EventRow): void {
  const now = parkedAs(event.state);
  if (event.parked === now) return;
  event.parked = now;
  tx.sql
    .run`update events set parked = ${now} where task_id = ${event.task_id} and sequence = ${event.sequence}`;
}

function parkedAs(state: EventState): number | null {
  if (state === EventState.SCHEDULED) return parked.scheduled;
  return state === EventState.DEAD_LETTERED ? parked.dead : null;
}
