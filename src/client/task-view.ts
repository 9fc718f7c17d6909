import { type Event, EventState, type Task, type TaskUpdate } from "../proto.ts";
import { applyDelta, applyMessage, type Messages, withoutMessages } from "./conversation.ts";

/**
 * A task as its log tells it up to a sequence. Never changed: each update makes a new one, which shares with the one before it
 * every part that is the same, so that identity tells what changed.
 */
export interface TaskView {
  /**
   * The task. What it says of its events is that of `events` and `deadLetters`; its `sequence` and `updateTime` are of the last entry that
   * told of the task itself. Absent before the first entry.
   */
  readonly task: Task | undefined;
  /** The events in the mailbox, SCHEDULED, QUEUED or PROCESSING, in their order: by their sequence. */
  readonly events: readonly Event[];
  /** The events that are DEAD_LETTERED, in their order. */
  readonly deadLetters: readonly Event[];
  /** The conversation, in its order. One that is streaming has what has come so far; superseded ones are gone. */
  readonly messages: Messages;
  /** The sequence of the last entry that the view has: where a subscription goes on. */
  readonly sequence: bigint;
}

/** Makes the view of a log of which nothing has been read. */
export function createTaskView(): TaskView {
  return { task: undefined, events: [], deadLetters: [], messages: [], sequence: 0n };
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
      return { ...view, sequence, task: withMailbox(entry.value, view) };
    case "event": {
      const mailbox = applyEvent(view, entry.value);
      return { ...view, ...mailbox, sequence, task: view.task && withMailbox(view.task, mailbox) };
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

type Mailbox = Pick<TaskView, "events" | "deadLetters">;

const waitsOrRuns: readonly EventState[] = [EventState.SCHEDULED, EventState.QUEUED, EventState.PROCESSING];

function applyEvent({ events, deadLetters }: Mailbox, told: Event): Mailbox {
  const known = find(events, told.id) ?? find(deadLetters, told.id);
  const event = known === undefined ? told : withContentOf(known, told);
  const dead = event.state === EventState.DEAD_LETTERED;
  return {
    events: waitsOrRuns.includes(event.state) ? put(events, event) : without(events, event.id),
    deadLetters: dead ? put(deadLetters, event) : without(deadLetters, event.id),
  };
}

/** Puts an event into its place. One that comes anew, delivered or redriven, has a new sequence and a new place. */
function put(events: readonly Event[], event: Event): readonly Event[] {
  const index = events.findIndex(({ id }) => id === event.id);
  if (events[index]?.sequence === event.sequence) return events.with(index, event);
  const others = without(events, event.id);
  return others.toSpliced(others.findLastIndex(({ sequence }) => sequence < event.sequence) + 1, 0, event);
}

function without(events: readonly Event[], id: string): readonly Event[] {
  const index = events.findIndex((event) => event.id === id);
  return index < 0 ? events : events.toSpliced(index, 1);
}

function find(events: readonly Event[], id: string): Event | undefined {
  return events.find((event) => event.id === id);
}

/** Completes an entry that only changes an event's state with what the entry that put it into the mailbox said. */
function withContentOf(accepted: Event, event: Event): Event {
  if (event.parts.length > 0) return event;
  const { type, sender, parts, metadata, onBusy, answers } = accepted;
  return { ...event, type, sender, parts, onBusy, answers, ...(metadata && { metadata }) };
}

/**
 * Tells of a task what is in its mailbox. The log has a whole task only where its state changes; between those entries,
 * the events tell.
 */
function withMailbox(task: Task, { events, deadLetters }: Mailbox): Task {
  const told = {
    pendingEvents: count(events, EventState.QUEUED),
    scheduledEvents: count(events, EventState.SCHEDULED),
    deadLetteredEvents: deadLetters.length,
    processingEventId: events.find(({ state }) => state === EventState.PROCESSING)?.id ?? "",
  };
  const same =
    task.pendingEvents === told.pendingEvents &&
    task.scheduledEvents === told.scheduledEvents &&
    task.deadLetteredEvents === told.deadLetteredEvents &&
    task.processingEventId === told.processingEventId;
  return same ? task : { ...task, ...told };
}

function count(events: readonly Event[], wanted: EventState): number {
  return events.filter(({ state }) => state === wanted).length;
}
