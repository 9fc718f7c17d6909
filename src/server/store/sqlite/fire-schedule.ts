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
import { attempt } from "./save-tasks.ts";
import {
  loadSchedule,
  requireSchedule,
  type ScheduleRow,
  saveFiring,
  scheduleRecord,
} from "./schedule-rows.ts";
import { loadTask, type Tx } from "./tx.ts";

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
      const { event, name } = firing.task;
      const interrupts = overlaps && event !== undefined && name !== undefined;
      const task = interrupts
        ? { ...firing.task, event: { ...event, onBusy: "interrupt" as const } }
        : firing.task;
      return createTask(tx, { ...task, now });
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

/** Cancels the task that the last firing made for itself. An event that it sent to a named task is interrupted by the one that is sent. */
function replaceLast(tx: Tx, row: ScheduleRow, now: Millis): void {
  if (row.last_sequence !== null || row.last_task_id === null) return;
  const reason = `schedule ${row.name} has fired again`;
  cancelTask(tx, { taskId: row.last_task_id, reason, now });
}

function isLastFinished(tx: Tx, row: ScheduleRow): boolean {
  if (row.last_task_id === null) return true;
  if (row.last_sequence === null) {
    const task = loadTask(tx, row.last_task_id);
    return task === undefined || task.ended_at !== null;
  }
  // One that was redriven has another sequence, and is not found: the firing was finished with its dead letter.
  const event = tx.sql.one<{ state: EventState }>`select state from events
    where task_id = ${row.last_task_id} and sequence = ${row.last_sequence} and id = ${row.last_event_id}`;
  return event === undefined || settled.includes(event.state);
}

const settled: readonly EventState[] = [EventState.PROCESSED, EventState.DEAD_LETTERED, EventState.DROPPED];
