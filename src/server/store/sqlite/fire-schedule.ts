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
import { createTask } from "./create-task.ts";
import { openFirings, putAside, stopFirings } from "./open-firings.ts";
import { attempt } from "./save-tasks.ts";
import {
  loadSchedule,
  requireSchedule,
  type ScheduleRow,
  saveFiring,
  scheduleRecord,
} from "./schedule-rows.ts";
import type { Tx } from "./tx.ts";

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
    if (row.overlap !== "allow") putAside(tx, row);
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
  const open = row.overlap === "allow" ? [] : openFirings(tx, row);
  if (open.length > 0 && row.overlap === "skip") {
    row.skipped += 1;
    return;
  }
  try {
    const created = attempt(tx, now, (tx) => {
      if (open.length > 0) stopFirings(tx, row, open, now);
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
