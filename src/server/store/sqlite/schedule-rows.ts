import { scheduleNotFound } from "../../errors.ts";
import type { Millis } from "../records.ts";
import type {
  MissedPolicy,
  NewSchedule,
  OverlapPolicy,
  ScheduleKey,
  ScheduleRecord,
} from "../schedule-records.ts";
import type { Sql } from "./sql.ts";

/** A row of `schedules`, with its contents where they were read along. */
export interface ScheduleRow {
  owner: string;
  name: string;
  id: string;
  agent: string;
  cron: string;
  time_zone: string;
  missed: MissedPolicy;
  overlap: OverlapPolicy;
  task_name: string | null;
  labels: string;
  paused: number;
  pause_reason: string | null;
  declared: number;
  next_time: number | null;
  settled_time: number | null;
  last_time: number | null;
  last_task_id: string | null;
  last_event_id: string | null;
  last_sequence: number | null;
  fired: number;
  skipped: number;
  last_error: string | null;
  created_at: number;
  updated_at: number;
  request_id: string | null;
  fingerprint: string | null;
  params: Uint8Array | null;
  event: Uint8Array | null;
}

export function scheduleRecord(row: ScheduleRow): ScheduleRecord {
  return {
    ...(row.owner !== "" && { owner: row.owner }),
    name: row.name,
    id: row.id,
    agent: row.agent,
    spec: { cron: row.cron, timeZone: row.time_zone, missed: row.missed, overlap: row.overlap },
    action: {
      ...(row.task_name !== null && { taskName: row.task_name }),
      ...(row.params !== null && { params: row.params }),
      labels: JSON.parse(row.labels),
      ...(row.event !== null && { event: row.event }),
    },
    paused: row.paused === 1,
    ...(row.pause_reason !== null && { pauseReason: row.pause_reason }),
    declared: row.declared === 1,
    ...(row.next_time !== null && { nextTime: row.next_time }),
    ...(row.settled_time !== null && { settledTime: row.settled_time }),
    ...(row.last_time !== null && { lastTime: row.last_time }),
    ...(row.last_task_id !== null && { lastTaskId: row.last_task_id }),
    fired: row.fired,
    skipped: row.skipped,
    ...(row.last_error !== null && { lastError: row.last_error }),
    createTime: row.created_at,
    updateTime: row.updated_at,
  };
}

export function loadSchedule(sql: Sql, { name, owner = "" }: ScheduleKey): ScheduleRow | undefined {
  return sql.one<ScheduleRow>`select * from schedules join schedule_contents using (owner, name)
    where owner = ${owner} and name = ${name}`;
}

/** Loads a schedule that must be there. Throws SCHEDULE_NOT_FOUND. */
export function requireSchedule(sql: Sql, key: ScheduleKey): ScheduleRow {
  const row = loadSchedule(sql, key);
  if (row === undefined) throw scheduleNotFound(key.name);
  return row;
}

/** How a schedule begins, besides what it is asked for as. */
export interface Beginning {
  paused: boolean;
  declared: boolean;
  request?: { id: string; fingerprint: string };
  now: Millis;
}

export function insertSchedule(
  sql: Sql,
  schedule: NewSchedule,
  { paused, declared, request, now }: Beginning,
): void {
  const { owner = "", name, id, agent, spec, action } = schedule;
  sql.run`insert into schedules (owner, name, id, agent, cron, time_zone, missed, overlap, task_name, labels, paused,
      declared, next_time, fired, skipped, created_at, updated_at, request_id, fingerprint)
    values (${owner}, ${name}, ${id}, ${agent}, ${spec.cron}, ${spec.timeZone}, ${spec.missed}, ${spec.overlap},
      ${action.taskName}, ${JSON.stringify(action.labels)}, ${Number(paused)}, ${Number(declared)},
      ${paused ? null : schedule.nextTime}, 0, 0, ${now}, ${now}, ${request?.id}, ${request?.fingerprint})`;
  sql.run`insert into schedule_contents (owner, name, params, event)
    values (${owner}, ${name}, ${action.params}, ${action.event})`;
}

/** Writes back what a firing changes. */
export function saveFiring(sql: Sql, row: ScheduleRow): void {
  sql.run`update schedules set next_time = ${row.next_time}, settled_time = ${row.settled_time},
      last_time = ${row.last_time}, last_task_id = ${row.last_task_id}, last_event_id = ${row.last_event_id},
      last_sequence = ${row.last_sequence}, fired = ${row.fired}, skipped = ${row.skipped},
      last_error = ${row.last_error}, updated_at = ${row.updated_at}
    where owner = ${row.owner} and name = ${row.name}`;
}

export function removeSchedule(sql: Sql, { name, owner = "" }: ScheduleKey): void {
  sql.run`delete from schedules where owner = ${owner} and name = ${name}`;
  sql.run`delete from schedule_contents where owner = ${owner} and name = ${name}`;
  sql.run`delete from schedule_firings where owner = ${owner} and name = ${name}`;
}
