import type { Failure, Millis } from "../records.ts";
import { EventState } from "../states.ts";
import { moveEvent, readParked } from "./events.ts";
import type { EventRow, TaskRow } from "./rows.ts";
import type { Sql } from "./sql.ts";
import { clearTimer } from "./timers.ts";
import type { Tx } from "./tx.ts";

/** Why an event goes ahead of others, as `ahead` says. 0: it does not. */
export const ahead = { steer: 1, interrupt: 2, answer: 3 };

/**
 * Reads the events of a task that wait, with their contents, in the order in which they are started: what ends a question comes first, then
 * all else that goes ahead. What the index `events_ahead` is about is written as it is there, so that it is used.
 */
export function* readWaiting(sql: Sql, task: TaskRow): Iterable<EventRow> {
  if (task.ahead > 0) {
    yield* sql.each<EventRow>`select e.*, l.content from events e
      join log l on l.task_id = e.task_id and l.sequence = e.sequence
      where e.task_id = ${task.id} and e.ahead > 0 and e.state = 2 and e.held = 0 order by e.ahead < 3, e.sequence`;
  }
  if (task.waiting > task.ahead) {
    yield* sql.each<EventRow>`select e.*, l.content from events e
      join log l on l.task_id = e.task_id and l.sequence = e.sequence
      where e.task_id = ${task.id} and e.sequence > ${task.cursor} and e.state = ${EventState.QUEUED}
        and e.held = 0 and e.ahead = 0 order by e.sequence`;
  }
}

/** Takes the first events until there are `limit` of them or they make about `maxBytes`, at least one. Reads none that it does not take. */
export function firstEvents(
  events: Iterable<EventRow>,
  { limit, maxBytes }: { limit: number; maxBytes: number },
): EventRow[] {
  const first: EventRow[] = [];
  let bytes = 0;
  for (const event of events) {
    first.push(event);
    bytes += event.content?.byteLength ?? 0;
    if (first.length >= limit || bytes >= maxBytes) break;
  }
  return first;
}

/** Takes events in hand, for a turn's attempt, or else for one more of each: they are PROCESSING. */
export function takeInHand(
  tx: Tx,
  task: TaskRow,
  now: Millis,
  events: readonly EventRow[],
  attempt?: number,
): void {
  for (const event of events) {
    event.attempt = attempt ?? event.attempt + 1;
    moveEvent(tx, task, now, event, { state: EventState.PROCESSING, held: true });
  }
}

/**
 * Moves a task's cursor past events that were the next of those that waited. Not for others: before one that is tried again, an event may
 * wait that another turn has left, and before one that goes ahead, any.
 */
export function passBy(task: TaskRow, events: readonly EventRow[]): void {
  for (const { ahead, sequence } of events) {
    if (ahead === 0) task.cursor = Math.max(task.cursor, sequence);
  }
}

/** Drops all events of a task that wait or are scheduled, on the record. Returns how many. */
export function dropPending(tx: Tx, task: TaskRow, now: Millis, error: Failure): number {
  const waiting = task.waiting === 0 ? [] : readAllWaiting(tx, task);
  const scheduled = task.scheduled === 0 ? [] : readParked(tx, task, EventState.SCHEDULED);
  for (const event of [...waiting, ...scheduled].sort((a, b) => a.sequence - b.sequence)) {
    dropEvent(tx, task, now, event, error);
  }
  return waiting.length + scheduled.length;
}

/** Reads all events of a task that wait, without their contents: together these have no bound. */
function readAllWaiting(tx: Tx, task: TaskRow): EventRow[] {
  return tx.sql.all<EventRow>`select * from events where task_id = ${task.id} and sequence > ${task.cursor}
    and state = ${EventState.QUEUED} and held = 0`;
}

/** Whether an event waits for its turn or its time: it is in nobody's hand, and not settled. */
export function waits({ state, held }: EventRow): boolean {
  return state === EventState.SCHEDULED || (state === EventState.QUEUED && held === 0);
}

/** Drops an event that waits, is scheduled or is in hand, on the record. */
export function dropEvent(tx: Tx, task: TaskRow, now: Millis, event: EventRow, error: Failure): void {
  if (event.state === EventState.SCHEDULED) {
    clearTimer(tx, event.deliver_at, task.id, "deliver", event.sequence);
  }
  moveEvent(tx, task, now, event, { state: EventState.DROPPED, error });
}
