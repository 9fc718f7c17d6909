import { type Event, EventState, type TaskUpdate } from "../src/proto.ts";
import { mentionOf, reminderOf } from "./agents/scribe-answer.ts";
import type { Report } from "./crash-check.ts";
import { reasonOfStatus } from "./crash-clients.ts";
import { type Rules, type TaskHistory, textOf } from "./crash-history.ts";

/** Checks that what asked to be reminded was so once, and not any more once it was handled, which takes its reminder back (G3). */
export function checkReminders({ end }: TaskHistory, { batch }: Rules, report: Report): void {
  const mentions = new Set(end.messages.map(({ parts }) => textOf({ parts })));
  for (const event of end.events.filter(({ type }) => type === "remind")) {
    const text = textOf(event);
    const reminders = end.events.filter((other) => isReminder(other) && textOf(other) === reminderOf(text));
    // What was mentioned in the turn of another takes nothing back, and what was not alone in its own does not ask.
    const alone =
      batch === undefined && event.state === EventState.PROCESSED && !mentions.has(mentionOf(text));
    if (reminders.length > 1 || (alone && reminders.length === 0)) {
      report("G3", `event ${event.sequence} made ${reminders.length} reminders`);
    }
    for (const { id, sequence } of alone ? reminders : []) {
      if (staysScheduled(end.log, id, event.id)) report("G3", `reminder ${sequence} was not taken back`);
    }
  }
}

/** Whether an event was scheduled when another was done, and what became of it next is not that it was taken back. */
function staysScheduled(log: TaskUpdate[], id: string, after: string): boolean {
  const events = log.flatMap(({ entry }) => (entry.case === "event" ? [entry.value] : []));
  const done = events.findIndex((event) => event.id === after && event.state === EventState.PROCESSED);
  const before = events.slice(0, done).findLast((event) => event.id === id);
  const next = events.slice(done).find((event) => event.id === id);
  return before?.state === EventState.SCHEDULED && reasonOfStatus(next?.lastError) !== "EVENT_CANCELLED";
}

/** Whether an event is one that a task has sent itself. */
export function isReminder({ type }: Event): boolean {
  return type === "reminder";
}
