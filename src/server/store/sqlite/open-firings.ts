import type { Millis } from "../records.ts";
import { EventState } from "../states.ts";
import { cancelTask } from "./cancel-task.ts";
import { dropWorks } from "./interrupt-task.ts";
import { dropEvent, waits } from "./mailbox.ts";
import type { EventRow } from "./rows.ts";
import type { ScheduleRow } from "./schedule-rows.ts";
import { readTask, requireTask, type Tx } from "./tx.ts";
import { readWorks, sequencesOf } from "./works.ts";

/** What a firing began: the event of a task that has a name, or a task of its own, which has no event and the sequence 0. */
interface Begun {
  task_id: string;
  sequence: number;
  event_id: string | null;
}

/** How much of what was put aside a trigger looks at, which is not to take longer the more of it there is. */
const maxLookedAt = 100;

/** Lists what firings began that is not finished: the last one's, and what was put aside, of which it forgets what is finished. */
export function openFirings(tx: Tx, row: ScheduleRow): Begun[] {
  return [...openAside(tx, row), ...lastOf(row).filter((begun) => !isFinished(tx, begun))];
}

/**
 * Keeps what the last firing began, if that is not finished, beside what the next one begins. Of what was put aside it looks at the earliest,
 * and forgets what is finished: a schedule that triggers alone fire would have ever more.
 */
export function putAside(tx: Tx, row: ScheduleRow): void {
  openAside(tx, row, maxLookedAt);
  for (const begun of lastOf(row)) {
    if (isFinished(tx, begun)) continue;
    tx.sql.run`insert into schedule_firings (owner, name, task_id, sequence, event_id)
      values (${row.owner}, ${row.name}, ${begun.task_id}, ${begun.sequence}, ${begun.event_id})
      on conflict do nothing`;
  }
}

/** Lists what was put aside and is not finished, of so many at the most, the earliest first. Forgets what is finished. */
function openAside(tx: Tx, { owner, name }: ScheduleRow, limit = -1): Begun[] {
  const aside = tx.sql.all<Begun>`select task_id, sequence, event_id from schedule_firings
    where owner = ${owner} and name = ${name} order by task_id, sequence limit ${limit}`;
  return aside.filter((begun) => {
    if (!isFinished(tx, begun)) return true;
    tx.sql.run`delete from schedule_firings where owner = ${owner} and name = ${name}
      and task_id = ${begun.task_id} and sequence = ${begun.sequence}`;
    return false;
  });
}

/**
 * Stops what firings began, and nothing else: cancels a task that one made for itself, or of an event that one sent to a named task
 * interrupts the turn, or takes it back where it waits. One that a turn has in hand with others goes on with these.
 */
export function stopFirings(tx: Tx, row: ScheduleRow, open: readonly Begun[], now: Millis): void {
  const reason = `schedule ${row.name} has fired again`;
  for (const begun of open) {
    if (begun.event_id === null) cancelTask(tx, { taskId: begun.task_id, reason, now });
    else stopEvent(tx, begun, reason, now);
  }
  tx.sql.run`delete from schedule_firings where owner = ${row.owner} and name = ${row.name}`;
}

function stopEvent(tx: Tx, begun: Begun, reason: string, now: Millis): void {
  const task = requireTask(tx, begun.task_id);
  const event = eventOf(tx, begun);
  if (event === undefined) return;
  const own = readWorks(tx, task).find((work) => {
    const [first, ...others] = sequencesOf(work);
    return first === event.sequence && others.length === 0;
  });
  if (own !== undefined) dropWorks(tx, task, now, [own], { reason: "TASK_INTERRUPTED", message: reason });
  else if (waits(event)) dropEvent(tx, task, now, event, { reason: "EVENT_CANCELLED", message: reason });
}

function lastOf({ last_task_id, last_sequence, last_event_id }: ScheduleRow): Begun[] {
  if (last_task_id === null) return [];
  return [{ task_id: last_task_id, sequence: last_sequence ?? 0, event_id: last_event_id }];
}

function isFinished(tx: Tx, begun: Begun): boolean {
  if (begun.event_id === null) {
    const task = readTask(tx.sql, begun.task_id);
    return task === undefined || task.ended_at !== null;
  }
  const event = eventOf(tx, begun);
  return event === undefined || settled.includes(event.state);
}

/** The event that a firing sent. One that was redriven has another sequence, and is not found: the firing was finished with its dead letter. */
function eventOf(tx: Tx, { task_id, sequence, event_id }: Begun): EventRow | undefined {
  return tx.sql.one<EventRow>`select * from events
    where task_id = ${task_id} and sequence = ${sequence} and id = ${event_id}`;
}

const settled: readonly EventState[] = [EventState.PROCESSED, EventState.DEAD_LETTERED, EventState.DROPPED];
