import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import {
  EventState,
  MessageState,
  OnBusy,
  type Part,
  PartSchema,
  TaskState,
  type TaskUpdate,
  type TaskUpdateSchema,
} from "../src/proto.ts";
import { entry, taskEntry } from "./client-log.ts";

type Content = NonNullable<MessageInitShape<typeof TaskUpdateSchema>["entry"]>;

interface ModelMessage {
  id: string;
  sequence: number;
  parts: Part[];
  done: boolean;
}

interface ModelEvent {
  id: string;
  text: string;
  sequence: number;
  state: EventState;
  attempt: number;
}

/** A log as a server may write it, and what a reader must make of it. */
export interface ModelLog {
  entries: TaskUpdate[];
  /** The events that wait or are processed, in their order, and their texts. */
  pending: { id: string; text: string; state: EventState }[];
  /** The ids of the events that are dead-lettered, in their order. */
  deadLetters: string[];
  /** The conversation. */
  messages: { id: string; parts: Part[]; done: boolean }[];
  /** Every message that was ended, with its parts. */
  whole: Map<string, Part[]>;
}

const step = fc.oneof(
  { weight: 2, arbitrary: fc.record({ op: fc.constant("send"), text: fc.string() }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("schedule"), text: fc.string() }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("deliver"), text: fc.constant("") }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("give up"), text: fc.constant("") }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("redrive"), text: fc.constant("") }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant("start"), text: fc.constant("") }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant("begin"), text: fc.constant("") }) },
  { weight: 8, arbitrary: fc.record({ op: fc.constant("text"), text: fc.string({ minLength: 1 }) }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("reasoning"), text: fc.string() }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("data"), text: fc.string() }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant("end"), text: fc.constant("") }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("say"), text: fc.string() }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("fail"), text: fc.constant("") }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("commit"), text: fc.constant("") }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("task"), text: fc.constant("") }) },
);

/** Makes logs: tasks, events, turns that commit or fail, messages that stream side by side. */
export const modelLog: fc.Arbitrary<ModelLog> = fc
  .array(fc.tuple(step, fc.nat()), { minLength: 1, maxLength: 60, size: "max" })
  .map((steps) => {
    const log = createModel();
    log.apply("send", "first", 0);
    log.apply("start", "", 0);
    for (const [{ op, text }, pick] of steps) log.apply(op, text, pick);
    return log.result();
  });

function createModel() {
  const entries: TaskUpdate[] = [taskEntry(1, TaskState.ACTIVE)];
  let events: ModelEvent[] = [];
  let messages: ModelMessage[] = [];
  let shown: ModelMessage[] = [];
  const whole = new Map<string, Part[]>();
  const next = () => entries.length + 1;
  const write = (content: Content) => entries.push(entry(next(), content));
  const part = (content: Part["content"]) => create(PartSchema, { content });

  /** Puts an event into the mailbox, or puts it there again, at the end and with its content. */
  const accept = (event: ModelEvent, state: EventState) => {
    Object.assign(event, { sequence: next(), state, attempt: 0 });
    events = [...events.filter((other) => other !== event), event];
    const { id, sequence, text } = event;
    write({
      case: "event",
      value: {
        ...{ id, taskId: "t", sequence: BigInt(sequence), state },
        ...{ type: "chat", sender: "ada", metadata: { n: Number(id.slice(1)) } },
        ...{ onBusy: OnBusy.STEER, answers: "q" },
        parts: [part({ case: "text", value: text })],
      },
    });
  };
  const writeEvent = ({ id, sequence, state, attempt }: ModelEvent) =>
    write({ case: "event", value: { id, taskId: "t", sequence: BigInt(sequence), state, attempt } });
  const writeMessage = ({ id, sequence, done }: ModelMessage, parts: Part[]) => {
    const state = done ? MessageState.DONE : MessageState.STREAMING;
    write({ case: "message", value: { id, taskId: "t", sequence: BigInt(sequence), state, parts } });
  };
  const begin = (parts: Part[], done: boolean) => {
    const message = { id: `m${next()}`, sequence: next(), parts, done };
    messages.push(message);
    shown.push(message);
    if (done) whole.set(message.id, parts);
    writeMessage(message, parts);
  };
  const end = (message: ModelMessage) => {
    message.done = true;
    whole.set(message.id, message.parts);
    writeMessage(message, []);
  };
  const addPart = (message: ModelMessage, added: Part) => {
    const change = { case: "part" as const, value: added };
    write({ case: "delta", value: { messageId: message.id, partIndex: message.parts.length, change } });
    message.parts = [...message.parts, added];
  };
  const addText = (message: ModelMessage, text: string) => {
    const last = message.parts.at(-1)?.content;
    const grows = last?.case === "text" || last?.case === "reasoning";
    const partIndex = grows ? message.parts.length - 1 : message.parts.length;
    write({
      case: "delta",
      value: { messageId: message.id, partIndex, change: { case: "appendText", value: text } },
    });
    const grown = grows
      ? part({ case: last.case, value: last.value + text })
      : part({ case: "text", value: text });
    message.parts = [...message.parts.slice(0, partIndex), grown];
  };

  return {
    apply(op: string, text: string, pick: number) {
      const running = events.find(({ state }) => state === EventState.PROCESSING);
      const queued = events.find(({ state }) => state === EventState.QUEUED);
      const streaming = shown.filter(({ done }) => !done);
      const message = streaming[pick % Math.max(1, streaming.length)];
      if (op === "task") entries.push(taskEntry(next()));
      if (op === "send" || op === "schedule") {
        const event = { id: `e${next()}`, text, sequence: 0, state: EventState.QUEUED, attempt: 0 };
        accept(event, op === "send" ? EventState.QUEUED : EventState.SCHEDULED);
      }
      const again = op === "deliver" ? EventState.SCHEDULED : EventState.DEAD_LETTERED;
      const stored = events.find(({ state }) => state === again);
      if ((op === "deliver" || op === "redrive") && stored) accept(stored, EventState.QUEUED);
      if (op === "start" && running === undefined && queued !== undefined) {
        queued.state = EventState.PROCESSING;
        queued.attempt += 1;
        writeEvent(queued);
      }
      if (running === undefined) return;
      if (op === "begin") begin([], false);
      if (op === "say") begin([part({ case: "text", value: text })], true);
      if (op === "text" && message) addText(message, text);
      if (op === "reasoning" && message) addPart(message, part({ case: "reasoning", value: text }));
      if (op === "data" && message)
        addPart(
          message,
          part({ case: "data", value: create(ValueSchema, { kind: { case: "stringValue", value: text } }) }),
        );
      if (op === "end" && message) end(message);
      if (op === "commit") {
        for (const open of streaming) end(open);
        shown = [];
        running.state = EventState.PROCESSED;
        writeEvent(running);
        events = events.filter((event) => event !== running);
      }
      if (op === "fail" || op === "give up") {
        const messageIds = shown.map(({ id }) => id);
        write({ case: "superseded", value: { eventId: running.id, attempt: running.attempt, messageIds } });
        messages = messages.filter((one) => !shown.includes(one));
        shown = [];
        running.state = op === "fail" ? EventState.QUEUED : EventState.DEAD_LETTERED;
        writeEvent(running);
      }
    },
    result: (): ModelLog => ({
      entries,
      pending: events
        .filter(({ state }) => state !== EventState.DEAD_LETTERED)
        .map(({ id, text, state }) => ({ id, text, state })),
      deadLetters: events.filter(({ state }) => state === EventState.DEAD_LETTERED).map(({ id }) => id),
      messages: messages.map(({ id, parts, done }) => ({ id, parts, done })),
      whole,
    }),
  };
}

/** Tells a log as a server does that has compacted the messages which are done: their last entry tells all. */
export function compact({ entries, whole }: Pick<ModelLog, "entries" | "whole">): TaskUpdate[] {
  return entries.flatMap((update) => {
    const { entry: content } = update;
    if (content.case === "delta" && whole.has(content.value.messageId)) return [];
    const parts = content.case === "message" ? whole.get(content.value.id) : undefined;
    if (content.case !== "message" || parts === undefined) return [update];
    if (content.value.state === MessageState.STREAMING) return [];
    return [{ ...update, entry: { case: "message" as const, value: { ...content.value, parts } } }];
  });
}

/** Tells a log as a server does to a reader that lags: adjacent texts of one part come as one. */
export function merge(entries: readonly TaskUpdate[]): TaskUpdate[] {
  const merged: TaskUpdate[] = [];
  for (const update of entries) {
    const before = merged.at(-1)?.entry;
    const now = update.entry;
    if (
      before?.case === "delta" &&
      now.case === "delta" &&
      before.value.change.case === "appendText" &&
      now.value.change.case === "appendText" &&
      before.value.messageId === now.value.messageId &&
      before.value.partIndex === now.value.partIndex
    ) {
      const value = before.value.change.value + now.value.change.value;
      const change = { case: "appendText" as const, value };
      merged[merged.length - 1] = { ...update, entry: { case: "delta", value: { ...now.value, change } } };
    } else {
      merged.push(update);
    }
  }
  return merged;
}
