import { expect } from "vitest";
import { isFinalState } from "../src/final-state.ts";
import { EventState, MessageState, TaskState } from "../src/proto.ts";
import type { EventRecord, LogEntry, MessageRecord, TaskRecord } from "../src/server/store/records.ts";

/** What a subscriber knows of a task who has nothing but its log. */
export interface LogView {
  task: TaskRecord | undefined;
  /** In the order of their places. */
  events: EventRecord[];
  messages: MessageRecord[];
  sequence: number;
  /** Which sequences it has seen no entry of. */
  gaps: number[];
  /** The messages that deltas were seen of, by the deltas' sequences. */
  deltas: Record<number, string>;
}

/** What may become of an event, by where it stands. What is over stays as it is (G3). */
const moves: Partial<Record<EventState, EventState[]>> = {
  [EventState.SCHEDULED]: [EventState.QUEUED, EventState.DROPPED],
  [EventState.QUEUED]: [EventState.PROCESSING, EventState.DROPPED],
  [EventState.PROCESSING]: [
    ...[EventState.QUEUED, EventState.PROCESSED, EventState.DEAD_LETTERED, EventState.DROPPED],
  ],
  [EventState.DEAD_LETTERED]: [EventState.QUEUED],
};

export function createView(): LogView {
  return { task: undefined, events: [], messages: [], sequence: 0, gaps: [], deltas: {} };
}

/** Leaves of a view what a subscriber shows: not how it got there. */
export function shown({ gaps: _, deltas: __, ...view }: LogView) {
  return view;
}

/** Applies the next entry, which must be one that may follow. */
export function follow(view: LogView, entry: LogEntry): void {
  expect(entry.sequence).toBeGreaterThan(view.sequence);
  expect(view.task && isFinalState(view.task.state)).not.toBe(true);
  for (let gap = view.sequence + 1; gap < entry.sequence; gap++) view.gaps.push(gap);
  view.sequence = entry.sequence;
  switch (entry.kind) {
    case "task":
      view.task = entry.task;
      break;
    case "event":
      followEvent(view, entry.event);
      break;
    case "message":
      followMessage(view, entry.message);
      break;
    case "delta":
      expect(streaming(view, entry.delta.messageId).deltas?.push(entry.delta)).toBeDefined();
      view.deltas[entry.sequence] = entry.delta.messageId;
      break;
    case "superseded": {
      const { messageIds, eventId, eventIds } = entry.superseded;
      expect(view.messages.filter(({ id }) => messageIds.includes(id))).toHaveLength(messageIds.length);
      view.messages = view.messages.filter(({ id }) => !messageIds.includes(id));
      expect(eventId).toBe(eventIds[0]);
      const running = view.events.filter(({ state }) => state === EventState.PROCESSING);
      expect(running.map(({ id }) => id)).toEqual(expect.arrayContaining(eventIds));
      break;
    }
  }
  if (view.task !== undefined) view.task = derived(view, view.task, entry);
}

/** What every entry tells of the task besides. */
function derived(view: LogView, { processingEventId: _, ...task }: TaskRecord, entry: LogEntry): TaskRecord {
  const inState = (state: EventState) => view.events.filter((event) => event.state === state);
  const [processing] = inState(EventState.PROCESSING);
  return {
    ...task,
    ...(processing && { processingEventId: processing.id }),
    pendingEvents: inState(EventState.QUEUED).length,
    scheduledEvents: inState(EventState.SCHEDULED).length,
    deadLetteredEvents: inState(EventState.DEAD_LETTERED).length,
    sequence: entry.sequence,
    updateTime: entry.time,
  };
}

function followEvent(view: LogView, event: EventRecord): void {
  const index = view.events.findIndex(({ id }) => id === event.id);
  const before = view.events[index];
  if (event.content !== undefined) {
    // It is put into the mailbox, at the end: the first time, when it is delivered, or redriven.
    expect(event).toMatchObject({ sequence: view.sequence, attempt: 0 });
    if (before === undefined) expect([EventState.SCHEDULED, EventState.QUEUED]).toContain(event.state);
    else {
      expect([EventState.SCHEDULED, EventState.DEAD_LETTERED]).toContain(before.state);
      expect(event).toMatchObject({ state: EventState.QUEUED, content: before.content });
    }
    view.events = [...view.events.filter(({ id }) => id !== event.id), event];
    return;
  }
  if (before?.content === undefined) throw new Error(`event ${event.id} was never accepted`);
  expect(moves[before.state]).toContain(event.state);
  expect(event.sequence).toBe(before.sequence);
  if (event.state === EventState.PROCESSING) {
    // After onTaskCreate (G2).
    expect(view.task?.state).not.toBe(TaskState.PENDING);
    expect(event.attempt).toBeGreaterThan(0);
  }
  view.events[index] = { ...event, content: before.content };
}

function followMessage(view: LogView, message: MessageRecord): void {
  if (message.sequence === view.sequence) {
    const deltas = message.state === MessageState.STREAMING ? { deltas: [] } : {};
    view.messages.push({ ...message, ...deltas });
    return;
  }
  const before = streaming(view, message.id);
  const text = (before.deltas ?? []).map((delta) => delta.text).join("");
  // Once the deltas have left the log, the entry has the whole.
  const content = message.content ?? new Uint8Array(new TextEncoder().encode(text));
  view.messages[view.messages.indexOf(before)] = { ...message, content };
}

function streaming(view: LogView, id: string): MessageRecord {
  const message = view.messages.find((message) => message.id === id);
  if (message?.state !== MessageState.STREAMING) throw new Error(`message ${id} is not streaming`);
  return message;
}
