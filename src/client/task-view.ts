import { type Event, EventState, type Task, type TaskUpdate } from "../proto.ts";
import { applyDelta, applyMessage, type Messages, withoutMessages } from "./conversation.ts";

/**
 * A task as its log tells it up to a sequence. Never changed: each update makes a new one, which shares with the one before it
 * every part that is the same, so that identity tells what changed.
 */
export interface TaskView {
  /**
   * The task. Its `pendingEvents` and `processingEventId` are those of `events`; its `sequence` and `updateTime` are of the last
   * entry that told of the task itself. Absent before the first entry.
   */
  readonly task: Task | undefined;
  /** The events in the mailbox, QUEUED or PROCESSING, in their order. */
  readonly events: readonly Event[];
  /** The conversation, in its order. One that is streaming has what has come so far; superseded ones are gone. */
  readonly messages: Messages;
  /** The sequence of the last entry that the view has: where a subscription goes on. */
  readonly sequence: bigint;
}

/** Makes the view of a log of which nothing has been read. */
export function createTaskView(): TaskView {
  return { task: undefined, events: [], messages: [], sequence: 0n };
}

/**
 * Applies an entry of the log to the view of the entries before it. Returns the same view for a heartbeat, and for an entry
 * that it has already.
 */
export function applyUpdate(view: TaskView, update: TaskUpdate): TaskView {
  const { entry, sequence } = update;
  if (entry.case === "heartbeat" || sequence <= view.sequence) return view;
  switch (entry.case) {
    case "task":
      return { ...view, sequence, task: withMailbox(entry.value, view.events) };
    case "event": {
      const events = applyEvent(view.events, entry.value);
      return { ...view, sequence, events, task: view.task && withMailbox(view.task, events) };
    }
    case "message":
      return { ...view, sequence, messages: applyMessage(view.messages, entry.value) };
    case "delta":
      return { ...view, sequence, messages: applyDelta(view.messages, entry.value) };
    case "superseded":
      return { ...view, sequence, messages: withoutMessages(view.messages, entry.value.messageIds) };
    case undefined:
      // An entry of a kind that this client does not know.
      return { ...view, sequence };
  }
}

function applyEvent(events: readonly Event[], event: Event): readonly Event[] {
  const index = events.findIndex(({ id }) => id === event.id);
  const known = events[index];
  if (event.state !== EventState.QUEUED && event.state !== EventState.PROCESSING) {
    return known === undefined ? events : events.toSpliced(index, 1);
  }
  if (known === undefined) {
    const place = events.findLastIndex(({ sequence }) => sequence < event.sequence) + 1;
    return events.toSpliced(place, 0, event);
  }
  return events.with(index, withContentOf(known, event));
}

/** Completes an entry that only changes an event's state with what the entry that accepted it said. */
function withContentOf(accepted: Event, event: Event): Event {
  if (event.parts.length > 0) return event;
  const { type, sender, parts, metadata } = accepted;
  return { ...event, type, sender, parts, ...(metadata && { metadata }) };
}

/**
 * Tells of a task what is in its mailbox. The log has a whole task only where its state changes; between those entries,
 * the events tell.
 */
function withMailbox(task: Task, events: readonly Event[]): Task {
  const pendingEvents = events.filter(({ state }) => state === EventState.QUEUED).length;
  const processingEventId = events.find(({ state }) => state === EventState.PROCESSING)?.id ?? "";
  if (task.pendingEvents === pendingEvents && task.processingEventId === processingEventId) return task;
  return { ...task, pendingEvents, processingEventId };
}
