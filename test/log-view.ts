import { expect } from "vitest";
import { EventState, MessageState, TaskState } from "../src/proto.ts";
import type { EventRecord, LogEntry, MessageRecord, TaskRecord } from "../src/server/store/records.ts";

/** What a subscriber knows of a task who has nothing but its log. */
export interface LogView {
  task: TaskRecord | undefined;
  events: EventRecord[];
  messages: MessageRecord[];
  sequence: number;
}

const finalStates = [TaskState.CANCELLED, TaskState.COMPLETED, TaskState.FAILED];
const waitsOrRuns = [EventState.QUEUED, EventState.PROCESSING];

export function createView(): LogView {
  return { task: undefined, events: [], messages: [], sequence: 0 };
}

/** Applies the next entry, which must be one that may follow. */
export function follow(view: LogView, entry: LogEntry): void {
  expect(entry.sequence).toBe(view.sequence + 1);
  expect(finalStates).not.toContain(view.task?.state);
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
      break;
    case "superseded": {
      const gone = new Set(entry.superseded.messageIds);
      expect(view.messages.filter(({ id }) => gone.has(id))).toHaveLength(gone.size);
      view.messages = view.messages.filter(({ id }) => !gone.has(id));
      break;
    }
  }
  if (view.task === undefined) return;
  const { processingEventId: _, ...task } = view.task;
  const processing = view.events.find(({ state }) => state === EventState.PROCESSING);
  view.task = {
    ...task,
    ...(processing && { processingEventId: processing.id }),
    pendingEvents: view.events.filter(({ state }) => state === EventState.QUEUED).length,
    sequence: entry.sequence,
    updateTime: entry.time,
  };
}

function followEvent(view: LogView, event: EventRecord): void {
  const index = view.events.findIndex(({ id }) => id === event.id);
  const before = view.events[index];
  if (before === undefined) {
    expect(event).toMatchObject({ state: EventState.QUEUED, sequence: view.sequence, attempt: 0 });
    view.events.push(event);
    return;
  }
  // What is over stays as it is (G3).
  expect(waitsOrRuns).toContain(before.state);
  if (event.state === EventState.PROCESSING) {
    // In their order, one at a time, and after onTaskCreate (G2).
    expect(view.task?.state).toBe(TaskState.ACTIVE);
    for (const earlier of view.events.slice(0, index)) expect(waitsOrRuns).not.toContain(earlier.state);
    expect(before.state).toBe(EventState.QUEUED);
    expect(event.attempt).toBe(before.attempt + 1);
  } else {
    expect(event.attempt).toBe(before.attempt);
    if (event.state !== EventState.DROPPED) expect(before.state).toBe(EventState.PROCESSING);
  }
  view.events[index] = { ...before, ...event };
}

function followMessage(view: LogView, message: MessageRecord): void {
  if (message.sequence === view.sequence) {
    const deltas = message.state === MessageState.STREAMING ? { deltas: [] } : {};
    view.messages.push({ ...message, ...deltas });
    return;
  }
  const before = streaming(view, message.id);
  const text = (before.deltas ?? []).map((delta) => delta.text).join("");
  const content = Buffer.concat([before.content ?? new Uint8Array(), Buffer.from(text)]);
  view.messages[view.messages.indexOf(before)] = { ...message, content: new Uint8Array(content) };
}

function streaming(view: LogView, id: string): MessageRecord {
  const message = view.messages.find((message) => message.id === id);
  if (message?.state !== MessageState.STREAMING) throw new Error(`message ${id} is not streaming`);
  return message;
}
