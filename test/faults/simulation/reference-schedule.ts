import { isFinalState } from "../../../src/final-state.ts";
import { EventState, TaskState } from "../../../src/proto.ts";
import type { DeclaredSchedule } from "../../../src/server/agent.ts";
import type { Firing } from "../../../src/server/store/schedule-records.ts";
import type { createReferenceMailbox, ReferenceCalls } from "./reference-mailbox.ts";
import { periodOf } from "./ticks.ts";

/** How late a time may be for a schedule that skips what it has missed. */
const grace = 60_000;

/** What a schedule does: it sends to the reference mailbox, and tells of each firing that takes the place of the one before. */
export function createReferenceSchedule(
  { cron, missed, overlap }: DeclaredSchedule,
  mailbox: ReturnType<typeof createReferenceMailbox>,
  replaces: () => void,
): ReferenceCalls {
  let next: number | undefined;
  let last: { taskId: string; eventId: string | undefined } | undefined;
  return {
    declareSchedules({ schedules: [schedule] }) {
      next ??= schedule?.nextTime;
      return undefined;
    },
    fireSchedule({ expectedTime, nextTime = expectedTime, firings, skipped, now }) {
      if (next !== expectedTime) return { fired: false };
      next = nextTime;
      const period = periodOf(cron);
      const due = Array.from(
        { length: (nextTime - expectedTime) / period },
        (_, index) => expectedTime + index * period,
      );
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

  function fire({ task }: Firing, now: number): string[] {
    const overlaps = overlap !== "allow" && !isFinished();
    if (overlaps && overlap === "skip") return [];
    const named = task.name !== undefined;
    if (overlaps && last !== undefined) {
      if (last.eventId !== undefined) mailbox.takeBack(mailbox.find(last.taskId), last.eventId, now);
      else mailbox.stop(mailbox.find(last.taskId), TaskState.CANCELLED, now);
    }
    if (overlaps) replaces();
    const { id: taskId } = mailbox.create({ ...task, now });
    last = { taskId, eventId: named ? task.event?.id : undefined };
    return [taskId];
  }

  /** Whether nothing is left of the last firing: its event is settled, or its task has ended. */
  function isFinished(): boolean {
    if (last === undefined) return true;
    if (last.eventId === undefined) return isFinalState(mailbox.find(last.taskId).state);
    const open = [EventState.QUEUED, EventState.PROCESSING, EventState.SCHEDULED];
    return !open.includes(mailbox.stateOf(last.eventId) ?? EventState.DROPPED);
  }
}
