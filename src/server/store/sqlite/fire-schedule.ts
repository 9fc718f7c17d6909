import { TaskError } from "../../errors.ts";
import type { CreatedTask } from "../calls.ts";
import type { Millis } from "../records.ts";
import type {
  FiredSchedule,
  FireSchedule,
  Firing,
  TriggeredSchedule,
  TriggerSchedule,
} from "../schedule-records.ts";
import { EventState } from "../states.ts";
import { cancelTask } from "./cancel-task.ts";
import { createTask } from "./create-task.ts";
import { dropWorks } from "./interrupt-task.ts";
import { dropEvent, waits } from "./mailbox.ts";
import type { EventRow } from "./rows.ts";
import { attempt } from "./save-tasks.ts";
import {
  loadSchedule,
  requireSchedule,
  type ScheduleRow,
  saveFiring,
  scheduleRecord,
} from "./schedule-rows.ts";
import { loadTask, requireTask, type Tx } from "./tx.ts";
import { readWorks, sequencesOf } from "./works.ts";

/** See ScheduleStore.fireSchedule. */
export function fireSchedule(tx: Tx, args: FireSchedule): FiredSchedule {
  const { firings, now } = args;
  const row = loadSchedule(tx.sql, args);
  if (row === undefined || row.id !== args.id || row.next_time !== args.expectedTime)
    return { fired: false, taskIds: [], made: 0, overLimit: 0 };
  row.next_time = args.nextTime ?? null;
  row.settled_time = args.settledTime;
  row.skipped += args.skipped;
  row.updated_at = now;
  const result: FiredSchedule = { fired: true, taskIds: [], made: 0, overLimit: 0 };
  for (const firing of firings) fire(tx, row, firing, now, result);
  saveFiring(tx.sql, row);
  return result;
}

/** See ScheduleStore.triggerSchedule. */
export function triggerSchedule(
  tx: Tx,
  { firing, request, now, ...key }: TriggerSchedule,
): TriggeredSchedule {
  const row = requireSchedule(tx.sql, key);
  const created = createTask(tx, { ...firing.task, ...(request && { request }), now });
  if (!created.duplicate) {
    row.updated_at = now;
    noteFiring(row, firing, created);
    saveFiring(tx.sql, row);
  }
  return {
    schedule: scheduleRecord(row),
    task: created.task,
    created: created.created,
    duplicate: created.duplicate,
  };
}

/** Fires for one time, and adds to the result. What it notes on the row the caller saves. */
function fire(tx: Tx, row: ScheduleRow, firing: Firing, now: Millis, result: FiredSchedule): void {
  const overlaps = row.overlap !== "allow" && !isLastFinished(tx, row);
  if (overlaps && row.overlap === "skip") {
    row.skipped += 1;
    return;
  }
  try {
    const created = attempt(tx, now, (tx) => {
      if (overlaps) replaceLast(tx, row, now);
      return createTask(tx, { ...firing.task, now });
    });
    noteFiring(row, firing, created);
    result.taskIds.push(created.task.id);
    result.made += Number(created.created);
  } catch (error) {
    if (!(error instanceof TaskError)) throw error;
    row.last_error = `${error.reason}: ${error.message}`;
    if (error.reason === "LIMIT_REACHED") {
      row.skipped += 1;
      result.overLimit += 1;
      return;
    }
    row.fired += 1;
    row.last_time = firing.time;
  }
}

function noteFiring(row: ScheduleRow, firing: Firing, { task, event }: CreatedTask): void {
  const named = firing.task.name !== undefined && event !== undefined;
  row.fired += 1;
  row.last_time = firing.time;
  row.last_task_id = task.id;
  row.last_event_id = named ? event.id : null;
  row.last_sequence = named ? event.sequence : null;
  row.last_error = null;
}

/**
 * Stops what the last firing began, and nothing else: cancels the task that it made for itself, or of the event that it sent to a named
 * task interrupts the turn, or takes it back where it waits. One that a turn has in hand with others goes on with these.
 */
function replaceLast(tx: Tx, row: ScheduleRow, now: Millis): void {
  const { last_task_id: taskId, last_event_id: eventId } = row;
  if (taskId === null) return;
  const reason = `schedule ${row.name} has fired again`;
  if (eventId === null) return void cancelTask(tx, { taskId, reason, now });
  const task = requireTask(tx, taskId);
  const event = lastEvent(tx, row);
  if (event === undefined) return;
  const own = readWorks(tx, task).find((work) => {
    const [first, ...others] = sequencesOf(work);
    return first === event.sequence && others.length === 0;
  });
  if (own !== undefined) dropWorks(tx, task, now, [own], { reason: "TASK_INTERRUPTED", message: reason });
  else if (waits(event)) dropEvent(tx, task, now, event, { reason: "EVENT_CANCELLED", message: reason });
}

function isLastFinished(tx: Tx, row: ScheduleRow): boolean {
  if (row.last_task_id === null) return true;
  if (row.last_sequence === null) {
    const task = loadTask(tx, row.last_task_id);
    return task === undefined || task.ended_at !== null;
  }
  const event = lastEvent(tx, row);
  return event === undefined || settled.includes(event.state);
}

/** The event that the last firing sent. One that was redriven has another sequence, and is not found: the firing was finished with its dead letter. */
function lastEvent(
  tx: Tx,
  { last_task_id, last_sequence, last_event_id }: ScheduleRow,
): EventRow | undefined {
  return tx.sql.one<EventRow>`select * from events
    where task_id = ${last_task_id} and sequence = ${last_sequence} and id = ${last_event_id}`;
}

const settled: readonly EventState[] = [EventState.PROCESSED, EventState.DEAD_LETTERED, EventState.DROPPED];
