import type { InterruptedTask, InterruptTask } from "../calls.ts";
import type { Failure, Millis } from "../records.ts";
import { EventState, Handler } from "../states.ts";
import { requireUnfinished } from "./accept-event.ts";
import { moveEvent } from "./events.ts";
import { findAnswer, keepAnswer } from "./requests.ts";
import { snapshotOf, type TaskRow, type TaskSnapshot, taskRecord, type WorkRow } from "./rows.ts";
import { requireTask, type Tx } from "./tx.ts";
import { closeWork, eventsOf, readWorks, stopTurn, supersedeTurn } from "./works.ts";

interface Answer {
  snapshot: TaskSnapshot;
  interrupted: number;
}

/** See Store.interruptTask. */
export function interruptTask(tx: Tx, args: InterruptTask): InterruptedTask {
  const task = requireTask(tx, args.taskId);
  const answered = findAnswer<Answer>(tx.sql, task.id, args.request);
  if (answered !== undefined) {
    const { snapshot, interrupted } = answered;
    return { task: taskRecord(tx.sql, task, snapshot), interrupted, duplicate: true };
  }
  requireUnfinished(task);
  const interrupted = interrupt(tx, task, args.now, args.reason ?? "the task was interrupted");
  const answer = { snapshot: snapshotOf(task), interrupted };
  keepAnswer<Answer>(tx.sql, { scope: task.id, taskId: task.id }, args.request, answer);
  return { task: taskRecord(tx.sql, task), interrupted, duplicate: false };
}

/** Drops the works in hand that are for events, on the record. Returns how many events that were. */
export function interrupt(tx: Tx, task: TaskRow, now: Millis, message: string): number {
  const isForEvents = ({ handler }: WorkRow) =>
    handler === Handler.TASK_EVENT_SEND || handler === Handler.TASK_EVENT_BATCH;
  return dropWorks(tx, task, now, readWorks(tx, task).filter(isForEvents), {
    reason: "TASK_INTERRUPTED",
    message,
  });
}

/** Makes works in hand void, and drops their events, on the record. Returns how many events that were. */
export function dropWorks(
  tx: Tx,
  task: TaskRow,
  now: Millis,
  works: readonly WorkRow[],
  error: Failure,
): number {
  let dropped = 0;
  for (const work of works) {
    const { own, taken } = eventsOf(tx, task, work);
    const events = [...own, ...taken];
    if (work.owner !== null) supersedeTurn(tx, { task, work }, now, events, error);
    stopTurn(tx, work, error);
    closeWork(tx, task, work);
    for (const event of events) moveEvent(tx, task, now, event, { state: EventState.DROPPED, error });
    dropped += events.length;
  }
  return dropped;
}
