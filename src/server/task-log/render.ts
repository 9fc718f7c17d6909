import { create, fromBinary } from "@bufbuild/protobuf";
import { anyPack, type Timestamp, timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type Cancellation,
  CancellationSchema,
  DeltaSchema,
  ErrorInfoSchema,
  type Event,
  type EventInput,
  EventInputSchema,
  EventSchema,
  type Message,
  MessageSchema,
  type Part,
  PartSchema,
  type Question,
  QuestionSchema,
  type Status,
  StatusSchema,
  type Task,
  TaskSchema,
  type TaskUpdate,
  TaskUpdateSchema,
} from "../../proto.ts";
import { codes } from "../error-codes.ts";
import type {
  CancellationRecord,
  Delta,
  EventRecord,
  Failure,
  LogEntry,
  MessageRecord,
  Millis,
  QuestionRecord,
  TaskRecord,
} from "../store/records.ts";
import { structOf } from "../struct.ts";
import type { LogUpdate } from "./task-log.ts";

/** Renders a task as the protocol shows it. */
export function renderTask(record: TaskRecord): Task {
  return create(TaskSchema, {
    id: record.id,
    owner: record.owner ?? "",
    name: record.name ?? "",
    agent: record.agent,
    state: record.state,
    statusReason: record.statusReason ?? "",
    ...(record.error && { error: renderFailure(record.error) }),
    ...(record.params && { params: structOf(record.params) }),
    labels: record.labels,
    parentTaskId: record.parentTaskId ?? "",
    pendingEvents: record.pendingEvents,
    processingEventId: record.processingEventId ?? "",
    sequence: BigInt(record.sequence),
    createTime: timestampFromMs(record.createTime),
    updateTime: timestampFromMs(record.updateTime),
    ...timesOf({ endTime: record.endTime, expireTime: record.expireTime, purgeTime: record.purgeTime }),
    ...(record.question && { question: renderQuestion(record.question) }),
    ...(record.cancellation && { cancellation: renderCancellation(record.cancellation) }),
    scheduledEvents: record.scheduledEvents,
    deadLetteredEvents: record.deadLetteredEvents,
  });
}

function renderQuestion({ id, prompt, schema, createTime, expireTime }: QuestionRecord): Question {
  return create(QuestionSchema, {
    id,
    prompt,
    ...(schema !== undefined && { schema: JSON.parse(schema) }),
    createTime: timestampFromMs(createTime),
    ...timesOf({ expireTime }),
  });
}

function renderCancellation({ requestTime, ...rest }: CancellationRecord): Cancellation {
  return create(CancellationSchema, { ...rest, requestTime: timestampFromMs(requestTime) });
}

/** Renders those times that there are. */
function timesOf<Name extends string>(
  times: Record<Name, Millis | undefined>,
): Partial<Record<Name, Timestamp>> {
  const rendered: Partial<Record<Name, Timestamp>> = {};
  for (const name in times) {
    if (times[name] !== undefined) rendered[name] = timestampFromMs(times[name]);
  }
  return rendered;
}

/** What of an event is its sender's. */
type EventContent = Pick<EventInput, "type" | "sender" | "parts" | "metadata" | "onBusy" | "answers">;

/** Renders an event, with its content where the record has it or it is given. */
export function renderEvent(record: EventRecord, content = contentOf(record)): Event {
  return create(EventSchema, {
    id: record.id,
    taskId: record.taskId,
    sequence: BigInt(record.sequence),
    ...(content && contentFields(content)),
    state: record.state,
    attempt: record.attempt,
    ...(record.lastError && { lastError: renderFailure(record.lastError) }),
    createTime: timestampFromMs(record.createTime),
    updateTime: timestampFromMs(record.updateTime),
    ...timesOf({ deliverTime: record.deliverTime }),
  });
}

function contentFields({ type, sender, parts, metadata, onBusy, answers }: EventContent) {
  return { type, sender, parts, onBusy, answers, ...(metadata && { metadata }) };
}

function contentOf({ content }: EventRecord): EventContent | undefined {
  return content && fromBinary(EventInputSchema, content);
}

/** Renders a message, with its content where the record has it, whole or in deltas. */
export function renderMessage(record: MessageRecord): Message {
  const parts = record.content ? fromBinary(MessageSchema, record.content).parts : [];
  for (const delta of record.deltas ?? []) applyDelta(parts, delta);
  return create(MessageSchema, {
    id: record.id,
    taskId: record.taskId,
    sequence: BigInt(record.sequence),
    eventId: record.eventId ?? "",
    attempt: record.attempt,
    author: record.author,
    parts,
    state: record.state,
    createTime: timestampFromMs(record.createTime),
    updateTime: timestampFromMs(record.updateTime),
  });
}

/** Renders what a follower is told. */
export function renderUpdate(update: LogUpdate): TaskUpdate {
  return create(TaskUpdateSchema, {
    sequence: BigInt(update.sequence),
    time: timestampFromMs(update.time),
    entry: renderEntry(update),
  });
}

function renderEntry(update: LogEntry | LogUpdate): TaskUpdate["entry"] {
  switch (update.kind) {
    case "task":
      return { case: "task", value: renderTask(update.task) };
    case "event":
      return { case: "event", value: renderEvent(update.event) };
    case "message":
      return { case: "message", value: renderMessage(update.message) };
    case "delta":
      return { case: "delta", value: renderDelta(update.delta) };
    case "superseded": {
      const { error, retryTime, ...rest } = update.superseded;
      const value = { ...rest, error: renderFailure(error), ...timesOf({ retryTime }) };
      return create(TaskUpdateSchema, { entry: { case: "superseded", value } }).entry;
    }
    case "heartbeat":
      return create(TaskUpdateSchema, { entry: { case: "heartbeat", value: {} } }).entry;
  }
}

function renderDelta({ messageId, partIndex, text, part }: Delta) {
  const change =
    part === undefined
      ? { case: "appendText" as const, value: text ?? "" }
      : { case: "part" as const, value: fromBinary(PartSchema, part) };
  return create(DeltaSchema, { messageId, partIndex, change });
}

function renderFailure({ reason, message, name }: Failure): Status {
  const info = create(ErrorInfoSchema, {
    reason,
    domain: "pigeonhole",
    metadata: name === undefined ? {} : { name },
  });
  return create(StatusSchema, { code: codes[reason], message, details: [anyPack(ErrorInfoSchema, info)] });
}

function applyDelta(parts: Part[], { partIndex, text, part }: Delta): void {
  if (part !== undefined) {
    parts[partIndex] = fromBinary(PartSchema, part);
    return;
  }
  const content = parts[partIndex]?.content;
  if (content?.case === "text" || content?.case === "reasoning") content.value += text ?? "";
}
