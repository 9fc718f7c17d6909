import { isFinalState } from "../../../src/final-state.ts";
import { EventState, TaskState } from "../../../src/proto.ts";
import type { DeclaredSchedule } from "../../../src/server/agent.ts";
import type { Firing } from "../../../src/server/store/schedule-records.ts";
import type { createReferenceMailbox, ReferenceCalls } from "./reference-mailbox.ts";
import { periodOf } from "./ticks.ts";

/** How late a time may be for a schedule that skips what it has missed. */
const grace = 60_000;

/** What a firing began: a task, or an event of one that has a name. */
interface Begun {
  taskId: string;
  eventId: string | undefined;
}

/** What a schedule does: it sends to the reference mailbox, and tells of each firing that takes the place of those before. */
export function createReferenceSchedule(
  { cron, missed, overlap }: DeclaredSchedule,
  mailbox: ReturnType<typeof createReferenceMailbox>,
  replaces: () => void,
): ReferenceCalls {
  const period = periodOf(cron);
  let declared = false;
  let paused = false;
  let next: number | undefined;
  let settled = 0;
  /** What firings began, but for what was replaced. */
  let begun: Begun[] = [];
  return {
    declareSchedules({ schedules: [schedule] }) {
      if (!declared) next = schedule?.nextTime;
      declared = true;
      return undefined;
    },
    pauseSchedule() {
      paused = true;
      next = undefined;
      return undefined;
    },
    resumeSchedule({ nextTime, now }) {
      if (!paused) return undefined;
      paused = false;
      next = nextTime;
      const wanted = Math.floor(Math.max(now, settled) / period + 1) * period;
      return nextTime === wanted ? undefined : `another time than ${nextTime}, which is ${wanted}`;
    },
    triggerSchedule({ firing, now }) {
      return { task: { id: begin(firing, now) } };
    },
    fireSchedule({ expectedTime, nextTime = expectedTime, firings, skipped, now }) {
      if (next !== expectedTime) return { fired: false };
      next = nextTime;
      const due = Array.from(
        { length: (nextTime - expectedTime) / period },
        (_, index) => expectedTime + index * period,
      );
      settled = due.at(-1) ?? settled;
      const times = firings.map(({ time }) => time);
      if (times.join() !== wanted(due, times, now).join()) return `another choice than ${times} of ${due}`;
      if (skipped !== due.length - times.length) return `another number skipped than ${skipped} of ${due}`;
      return { fired: true, taskIds: firings.flatMap((firing) => fire(firing, now)) };
    },
  };

  /** The times to fire for, of those that are due. */
  function wanted(due: number[], times: number[], now: number): number[] {
    if (missed === "all") return due;
    const late = now - (due.at(-1) ?? 0) > grace;
    return missed === "skip" && late && times.length === 0 ? [] : due.slice(-1);
  }

  function fire(firing: Firing, now: number): string[] {
    const open = overlap === "allow" ? [] : begun.filter((each) => !isFinished(each));
    if (open.length > 0 && overlap === "skip") return [];
    if (open.length > 0) replaces();
    for (const { taskId, eventId } of open) {
      if (eventId !== undefined) mailbox.takeBack(mailbox.find(taskId), eventId, now);
      else mailbox.stop(mailbox.find(taskId), TaskState.CANCELLED, now);
    }
    begun = [];
    return [begin(firing, now)];
  }

  function begin({ task }: Firing, now: number): string {
    const { id: taskId } = mailbox.create({ ...task, now });
    begun.push({ taskId, eventId: task.name === undefined ? undefined : task.event?.id });
    return taskId;
  }

  /** Whether nothing is left of a firing: its event is settled, or its task has ended. */
  function isFinished({ taskId, eventId }: Begun): boolean {
    if (eventId === undefined) return isFinalState(mailbox.find(taskId).state);
    const open = [EventState.QUEUED, EventState.PROCESSING, EventState.SCHEDULED];
    return !open.includes(mailbox.stateOf(eventId) ?? EventState.DROPPED);
  }
}
