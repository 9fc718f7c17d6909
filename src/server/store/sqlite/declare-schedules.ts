import { isDeepStrictEqual } from "node:util";
import type { DeclareSchedules, NewSchedule, ScheduleDefinition } from "../schedule-records.ts";
import {
  insertSchedule,
  loadSchedule,
  removeSchedule,
  type ScheduleRow,
  scheduleRecord,
} from "./schedule-rows.ts";
import type { Tx } from "./tx.ts";

/** See ScheduleStore.declareSchedules. */
export function declareSchedules(tx: Tx, { agents, schedules, now }: DeclareSchedules): void {
  const given = new Set(schedules.map(({ name }) => name));
  const declared = tx.sql.all<{ name: string }>`select name from schedules
    where owner = '' and declared = 1 and agent in (select value from json_each(${JSON.stringify(agents)}))`;
  for (const { name } of declared) if (!given.has(name)) removeSchedule(tx.sql, { name });
  for (const schedule of schedules) {
    const row = loadSchedule(tx.sql, schedule);
    if (row === undefined) insertSchedule(tx.sql, schedule, { paused: false, declared: true, now });
    else if (!isSame(schedule, scheduleRecord(row))) redefine(tx, row, schedule, now);
  }
}

function isSame(a: ScheduleDefinition, b: ScheduleDefinition): boolean {
  return a.agent === b.agent && isDeepStrictEqual(a.spec, b.spec) && isDeepStrictEqual(a.action, b.action);
}

function redefine(
  tx: Tx,
  row: ScheduleRow,
  { id, spec, action, ...schedule }: NewSchedule,
  now: number,
): void {
  const sameTimes = row.cron === spec.cron && row.time_zone === spec.timeZone;
  const nextTime = sameTimes || row.paused === 1 ? row.next_time : schedule.nextTime;
  tx.sql.run`update schedules set id = ${id}, cron = ${spec.cron}, time_zone = ${spec.timeZone},
      missed = ${spec.missed}, overlap = ${spec.overlap}, task_name = ${action.taskName},
      labels = ${JSON.stringify(action.labels)}, next_time = ${nextTime}, updated_at = ${now}
    where owner = '' and name = ${row.name}`;
  tx.sql.run`update schedule_contents set params = ${action.params}, event = ${action.event}
      where owner = '' and name = ${row.name}`;
}
