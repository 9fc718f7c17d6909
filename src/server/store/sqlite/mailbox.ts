import { EventState } from "../../../proto.ts";
import type { Failure, Millis } from "../records.ts";
import { moveEvent, readParked } from "./events.ts";
import type { EventRow, TaskRow } from "./rows.ts";
import type { Sql } from "./sql.ts";
import { clearTimer } from "./timers.ts";
import type { Tx } from "./tx.ts";

/** Why an event goes ahead of others, as `ahead` says. 0: it does not. */
export const ahead = { steer: 1, interrupt: 2, answer: 3 };

/** Reads the events of a task that wait, with their contents, in the order in which they are started: those that go ahead come first. */
export function* readWaiting(sql: Sql, task: TaskRow): Iterable<EventRow> {
  if (task.ahead > 0) {
    yield* sql.each<EventRow>`select e.*, l.content from events e
      join log l on l.task_id = e.task_id and l.sequence = e.sequence
      where e.task_id = ${task.id} and e.sequence > ${task.cursor} and e.state = ${EventState.QUEUED}
        and e.held = 0 and e.ahead > 0 order by e.sequence`;
  }
  if (task.waiting > task.ahead) {
    yield* sql.each<EventRow>`select e.*, l.content from events e
      join log l on l.task_id = e.task_id and l.sequence = e.sequence
      where e.task_id = ${task.id} and e.sequence > ${task.cursor} and e.state = ${EventState.QUEUED}
        and e.held = 0 and e.ahead = 0 order by e.sequence`;
  }
}

/** Takes events in hand, for a turn's attempt: they are PROCESSING. They are the next of those that wait, or such as only go ahead. */
export function takeInHand(
  tx: Tx,
  task: TaskRow,
  now: Millis,
  events: readonly EventRow[],
  attempt: number,
): void {
  for (const event of events) {
    // One that is tried again was in hand: others before it may wait again meanwhile.
    const waited = event.held === 0;
    event.attempt = attempt;
    moveEvent(tx, task, now, event, { state: EventState.PROCESSING, held: true });
    if (waited && event.ahead === 0) task.cursor = Math.max(task.cursor, event.sequence);
  }
}

/** Drops all events of a task that wait or are scheduled, on the record. Returns how many. */
export function dropPending(tx: Tx, task: TaskRow, now: Millis, error: Failure): number {
  const waiting = task.waiting === 0 ? [] : [...readWaiting(tx.sql, task)];
  const scheduled = task.scheduled === 0 ? [] : readParked(tx, task, EventState.SCHEDULED);
  for (const event of [...waiting, ...scheduled].sort((a, b) => a.sequence - b.sequence)) {
    dropEvent(tx, task, now, event, error);
  }
  return waiting.length + scheduled.length;
}

/** Drops an event that waits, is scheduled or is in hand, on the record. */
export function dropEvent(tx: Tx, task: TaskRow, now: Millis, event: EventRow, error: Failure): void {
  if (event.state === EventState.SCHEDULED) {
    clearTimer(tx, event.deliver_at, task.id, "deliver", event.sequence);
  }
  moveEvent(tx, task, now, event, { state: EventState.DROPPED, error });
}
