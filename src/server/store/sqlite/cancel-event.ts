import { TaskError } from "../../errors.ts";
import type { CancelEvent } from "../calls.ts";
import type { EventRecord } from "../records.ts";
import { EventState, nameOf } from "../states.ts";
import { findEvent, readWholeEvents } from "./events.ts";
import { ahead, dropEvent, waits } from "./mailbox.ts";
import { type EventRow, eventRecord, type TaskRow } from "./rows.ts";
import { requireTask, type Tx } from "./tx.ts";

/** See Store.cancelEvent. */
export function cancelEvent(tx: Tx, args: CancelEvent): EventRecord {
  const task = requireTask(tx, args.taskId);
  const event = requireEvent(tx, task, args.eventId);
  // Its question is closed, and the agent would never hear why.
  if (waits(event) && event.ahead === ahead.answer) throw wrongState(event, "it has closed a question");
  if (waits(event)) {
    dropEvent(tx, task, args.now, event, { reason: "EVENT_CANCELLED", message: "the event was taken back" });
  } else if (event.state !== EventState.DROPPED) {
    throw wrongState(event, "it does not wait");
  }
  const [whole = event] = readWholeEvents(tx, task, [event.sequence]);
  return eventRecord(whole);
}

/** Finds an event that must be there. Throws EVENT_NOT_FOUND. */
export function requireEvent(tx: Tx, task: TaskRow, id: string): EventRow {
  const event = findEvent(tx, task, id);
  if (event !== undefined) return event;
  throw new TaskError("EVENT_NOT_FOUND", `task ${task.id} has no event ${JSON.stringify(id)}`, {
    resource: { type: "event", name: id },
  });
}

/** Makes the error for an event whose state does not allow what was asked. */
export function wrongState({ id, state, held }: EventRow, why: string): TaskError {
  const name = nameOf(EventState, state);
  return new TaskError("EVENT_STATE", `event ${id} is ${name}${held === 1 ? ", in hand" : ""}: ${why}`, {
    metadata: { state: name },
    precondition: { subject: id, description: why },
  });
}
