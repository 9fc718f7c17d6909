import type { RedriveEvents, RedrivenEvents } from "../calls.ts";
import { EventState, TaskState } from "../states.ts";
import { requireRoom, requireUnfinished } from "./accept-event.ts";
import { requireEvent, wrongState } from "./cancel-event.ts";
import { enqueueEvent, readParked } from "./events.ts";
import { logTask } from "./log.ts";
import { type EventRow, type TaskRow, taskRecord } from "./rows.ts";
import { requireTask, type Tx } from "./tx.ts";

/** See Store.redriveEvents. */
export function redriveEvents(tx: Tx, args: RedriveEvents): RedrivenEvents {
  const { now, eventId } = args;
  const task = requireTask(tx, args.taskId);
  requireUnfinished(task);
  const dead =
    eventId === undefined ? readParked(tx, task, EventState.DEAD_LETTERED) : [deadEvent(tx, task, eventId)];
  // While it is paused nothing of a full mailbox is handled, so that room would never come.
  const least = task.state === TaskState.PAUSED ? 1 : 0;
  const redriven = dead.length === 0 ? [] : dead.slice(0, requireRoom(tx, task, least));
  for (const event of redriven) enqueueEvent(tx, task, now, { ...event, ahead: 0 });
  task.paused = 0;
  if (task.state === TaskState.PAUSED) {
    task.state = TaskState.ACTIVE;
    logTask(tx, task, now);
  }
  return { task: taskRecord(tx.sql, task), redriven: redriven.length };
}

function deadEvent(tx: Tx, task: TaskRow, id: string): EventRow {
  const event = requireEvent(tx, task, id);
  if (event.state !== EventState.DEAD_LETTERED) throw wrongState(event, "it is not dead-lettered");
  return event;
}
