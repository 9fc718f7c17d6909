import type { TakeEvents } from "../calls.ts";
import type { EventRecord } from "../records.ts";
import { TaskState } from "../states.ts";
import { ahead, firstEvents, passBy, readWaiting, takeInHand } from "./mailbox.ts";
import { type EventRow, eventRecord } from "./rows.ts";
import type { Tx } from "./tx.ts";
import { requireTurn, sequencesOf, showProcessing } from "./works.ts";

/** See Store.takeEvents. */
export function takeEvents(tx: Tx, args: TakeEvents): EventRecord[] {
  const { task, work } = requireTurn(tx, args.taskId, args.turn);
  // Before onTaskCreate has completed no event is handled, after a cancellation none either, and while it is paused or asks, none anew.
  if (work.work === 0 || task.state !== TaskState.ACTIVE) return [];
  const waiting = readWaiting(tx.sql, task);
  const events = firstEvents(args.steering ? steering(waiting) : waiting, args);
  if (events.length === 0) return [];
  takeInHand(tx, task, args.now, events);
  if (!args.steering) passBy(task, events);
  const sequences = [...sequencesOf(work), ...events.map(({ sequence }) => sequence)];
  tx.sql.run`update turns set events = ${JSON.stringify(sequences)}
    where task_id = ${task.id} and work = ${work.work}`;
  showProcessing(tx, task);
  return events.map(eventRecord);
}

function* steering(events: Iterable<EventRow>): Iterable<EventRow> {
  for (const event of events) {
    if (event.ahead === 0) return;
    if (event.ahead === ahead.steer) yield event;
  }
}
