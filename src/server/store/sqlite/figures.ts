import type { EventCounts, Millis } from "../records.ts";
import type { Tx } from "./tx.ts";

/** See Store.countEvents. */
export function countEvents(tx: Tx): Map<string, EventCounts> {
  const rows = tx.sql.all<EventCounts & { agent: string }>`select agent, sum(waiting + held) as queued,
    sum(scheduled) as scheduled, sum(dead) as dead from tasks group by agent`;
  return new Map(rows.map(({ agent, ...counts }) => [agent, counts]));
}

/**
 * See Store.oldestWaiting. An event waits since the entry that put it into the mailbox, which is not when it was made if it was scheduled
 * or redriven. It names its indexes, so that it never goes through all tasks.
 */
export function oldestWaiting(tx: Tx, { now, limit }: { now: Millis; limit: number }): Millis | undefined {
  const due = tx.sql.one<{ time: Millis | null }>`select min(l.time) as time from
      (select id, cursor from tasks indexed by tasks_due where due_at <= ${now} order by due_at limit ${limit}) t
    join log l on l.task_id = t.id and l.sequence =
      (select e.sequence from events e where e.task_id = t.id and e.sequence > t.cursor and e.state = 2 and e.held = 0 order by e.sequence limit 1)`;
  const busy = tx.sql.one<{ time: Millis | null }>`select min(l.time) as time from
      (select distinct task_id from (select task_id from turns limit ${limit})) w
    join tasks t on t.id = w.task_id and t.waiting > 0
    join log l on l.task_id = t.id and l.sequence =
      (select e.sequence from events e where e.task_id = t.id and e.sequence > t.cursor and e.state = 2 and e.held = 0 order by e.sequence limit 1)`;
  const times = [due?.time, busy?.time].filter((time) => typeof time === "number");
  return times.length === 0 ? undefined : Math.min(...times);
}
