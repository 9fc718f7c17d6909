import { agentNotFound, TaskError } from "../../errors.ts";
import type { ListPage } from "../records.ts";
import type {
  CreateSchedule,
  DueSchedules,
  DueSchedulesResult,
  ListSchedules,
  PauseSchedule,
  ResumeSchedule,
  ScheduleKey,
  ScheduleRecord,
} from "../schedule-records.ts";
import { fill } from "./pages.ts";
import {
  insertSchedule,
  loadSchedule,
  removeSchedule,
  requireSchedule,
  type ScheduleRow,
  scheduleRecord,
} from "./schedule-rows.ts";
import type { Tx } from "./tx.ts";

/** See ScheduleStore.createSchedule. */
export function createSchedule(tx: Tx, args: CreateSchedule): ScheduleRecord {
  const { owner = "", name, request, limit } = args;
  const made = request && loadByRequest(tx, owner, request.id);
  if (made !== undefined) {
    if (made.fingerprint === request?.fingerprint) return scheduleRecord(made);
    throw new TaskError(
      "REQUEST_ID_REUSED",
      `request_id ${JSON.stringify(made.request_id)} was used with other content`,
      {
        resource: { type: "request", name: made.request_id ?? "" },
      },
    );
  }
  if (args.served === false) throw agentNotFound(args.agent);
  if (loadSchedule(tx.sql, args) !== undefined) {
    throw new TaskError("SCHEDULE_EXISTS", `there is a schedule ${JSON.stringify(name)} already`, {
      resource: { type: "schedule", name },
    });
  }
  const count = tx.sql.one<{ n: number }>`select count(*) as n from schedules where owner = ${owner}`?.n ?? 0;
  if (count >= limit) {
    throw new TaskError("LIMIT_REACHED", `there are ${count} schedules, as many as an owner may have`, {
      metadata: { max_schedules: String(limit) },
    });
  }
  insertSchedule(tx.sql, args, { ...args, declared: false });
  return scheduleRecord(requireSchedule(tx.sql, args));
}

function loadByRequest(tx: Tx, owner: string, id: string): ScheduleRow | undefined {
  const found = tx.sql.one<ScheduleKey>`select owner, name from schedules
    where owner = ${owner} and request_id = ${id}`;
  return found && loadSchedule(tx.sql, found);
}

/** See ScheduleStore.getSchedule. */
export function getSchedule(tx: Tx, key: ScheduleKey): ScheduleRecord | undefined {
  const row = loadSchedule(tx.sql, key);
  return row && scheduleRecord(row);
}

/** See ScheduleStore.listSchedules. */
export function listSchedules(
  tx: Tx,
  { agent, owner, after = { owner: "", name: "" }, ...bounds }: ListSchedules,
): ListPage<ScheduleRecord> {
  const rows =
    agent === undefined
      ? tx.sql.each<ScheduleRow>`select * from schedules join schedule_contents using (owner, name)
          where owner = coalesce(${owner}, owner) and (owner, name) > (${after.owner}, ${after.name})
          order by owner, name`
      : tx.sql.each<ScheduleRow>`select * from schedules join schedule_contents using (owner, name)
          where agent = ${agent} and owner = coalesce(${owner}, owner)
            and (owner, name) > (${after.owner}, ${after.name}) order by owner, name`;
  return fill(rows, scheduleRecord, sizeOf, bounds);
}

function sizeOf({ action, lastError, pauseReason }: ScheduleRecord): number {
  return (
    (action.params?.byteLength ?? 0) +
    (action.event?.byteLength ?? 0) +
    JSON.stringify(action.labels).length +
    (lastError?.length ?? 0) +
    (pauseReason?.length ?? 0)
  );
}

/** See ScheduleStore.pauseSchedule. */
export function pauseSchedule(tx: Tx, { reason, now, ...key }: PauseSchedule): ScheduleRecord {
  const row = requireSchedule(tx.sql, key);
  if (row.paused === 1) return scheduleRecord(row);
  tx.sql.run`update schedules set paused = 1, pause_reason = ${reason}, next_time = null, updated_at = ${now}
    where owner = ${row.owner} and name = ${row.name}`;
  return scheduleRecord(requireSchedule(tx.sql, key));
}

/** See ScheduleStore.resumeSchedule. */
export function resumeSchedule(tx: Tx, { nextTime, now, ...key }: ResumeSchedule): ScheduleRecord {
  const row = requireSchedule(tx.sql, key);
  if (row.paused === 0) return scheduleRecord(row);
  tx.sql
    .run`update schedules set paused = 0, pause_reason = null, next_time = ${nextTime}, updated_at = ${now}
    where owner = ${row.owner} and name = ${row.name}`;
  return scheduleRecord(requireSchedule(tx.sql, key));
}

/** See ScheduleStore.deleteSchedule. */
export function deleteSchedule(tx: Tx, key: ScheduleKey): void {
  requireSchedule(tx.sql, key);
  removeSchedule(tx.sql, key);
}

/** See ScheduleStore.dueSchedules. */
export function dueSchedules(tx: Tx, { agents, now, limit }: DueSchedules): DueSchedulesResult {
  const names = JSON.stringify(agents);
  const rows = tx.sql.all<ScheduleRow>`select * from schedules join schedule_contents using (owner, name)
    where agent in (select value from json_each(${names})) and next_time <= ${now}
    order by next_time, owner, name limit ${limit}`;
  const later = tx.sql.one<{ time: number | null }>`select min(next_time) as time from schedules
    where agent in (select value from json_each(${names})) and next_time > ${now}`;
  return {
    schedules: rows.map(scheduleRecord),
    ...(later !== undefined && later.time !== null && { nextTime: later.time }),
  };
}
