import { create } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import {
  ErrorInfoSchema,
  type Event,
  type EventState,
  type Message,
  MessageState,
  OnBusy,
  type Status,
  StatusSchema,
  type Task,
  TaskState,
  type TaskUpdate,
} from "../src/proto.ts";
import { mentionOf } from "./agents/scribe-answer.ts";
import type { StoreHistory, TaskHistory } from "./crash-history.ts";

/** Finds entries of a log. */
export type Test = (update: TaskUpdate) => boolean;

export const isActive: Test = ({ entry }) => entry.case === "task" && entry.value.state === TaskState.ACTIVE;
export const isDelta: Test = ({ entry }) =>
  entry.case === "delta" && entry.value.change.case === "appendText";

export const isInterrupt: Test = ({ entry }) =>
  entry.case === "event" && entry.value.onBusy === OnBusy.INTERRUPT;

/** Finds the entry that ends a message that was streaming. */
export const endsStream: Test = ({ sequence, entry }) =>
  entry.case === "message" && entry.value.state === MessageState.DONE && entry.value.sequence < sequence;

/** Finds what an event's turn shows. */
export const isShown: Test = ({ entry }) => entry.case === "message" && entry.value.eventId !== "";

/** Finds deltas of messages that are void. */
export function isSuperseded(log: TaskUpdate[]): Test {
  const ids = log.flatMap(({ entry }) => (entry.case === "superseded" ? entry.value.messageIds : []));
  return ({ entry }) => entry.case === "delta" && ids.includes(entry.value.messageId);
}

export function isEvent(id: string, state: EventState): Test {
  return ({ entry }) => entry.case === "event" && entry.value.id === id && entry.value.state === state;
}

/** Finds the entry of the task that closes its last question. */
export function closesQuestion(log: TaskUpdate[]): Test {
  const isTask: Test = ({ entry }) => entry.case === "task";
  const asked = log.findLastIndex(
    ({ entry }) => entry.case === "task" && entry.value.state === TaskState.INPUT_REQUIRED,
  );
  const closing = log.slice(asked + 1).find(isTask);
  return (update) => update === closing;
}

export function isPut(type: string): Test {
  return ({ entry }) => entry.case === "event" && entry.value.parts.length > 0 && entry.value.type === type;
}

export function isMention({ parts: [part] }: Message): boolean {
  return part?.content.case === "text" && part.content.value.startsWith(mentionOf(""));
}

export function isAnswer({ answers }: Event): boolean {
  return answers !== "";
}

export function isChildEnd({ type }: Event): boolean {
  return type === "pigeonhole.task.ended";
}

/** Finds the event that made the child. */
export function isMaker({ type }: Event): boolean {
  return type === "delegate";
}

/** Makes the error of an event that was taken back. */
export function takenBack(): Status {
  const info = create(ErrorInfoSchema, { reason: "EVENT_CANCELLED", domain: "pigeonhole" });
  return create(StatusSchema, { details: [anyPack(ErrorInfoSchema, info)] });
}

export function childOf({ listed }: StoreHistory): Task {
  return only(listed.find(({ parentTaskId }) => parentTaskId !== ""));
}

export function without<T>(items: T[], item: T): void {
  items.splice(items.indexOf(item), 1);
}

export function remove(log: TaskUpdate[], test: Test): void {
  change(log, test, (update) => log.splice(log.indexOf(update), 1));
}

/** Compacts the deltas of a task, of which a subscriber has been told the first by then. */
export function compact({ logs: [log], end }: TaskHistory): void {
  const untold = only(log)
    .filter(isDelta)
    .slice(1)
    .map(({ sequence }) => sequence);
  for (const each of [only(log), end.log]) {
    const kept = each.filter(
      (update) => update.entry.case !== "delta" || (each === log && !untold.includes(update.sequence)),
    );
    each.splice(0, each.length, ...kept);
    for (const { entry } of each.filter(endsStream)) {
      if (entry.case === "message")
        entry.value.parts = only(end.messages.find(({ id }) => id === entry.value.id)).parts;
    }
  }
}

/** Moves the last entry that passes a test. */
export function move(log: TaskUpdate[], test: Test, place: number): void {
  change(log, test, (update) => {
    log.splice(log.indexOf(update), 1);
    log.splice(place, 0, update);
  });
}

export function change(log: TaskUpdate[], test: Test, harm: (update: TaskUpdate) => void): void {
  harm(only(log.findLast(test)));
}

export function answer(outcome: TaskHistory["sends"][number]["outcomes"][number] | undefined) {
  return outcome?.kind === "acknowledged" ? outcome.answer : undefined;
}

export function only<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("the history does not have what is to be harmed");
  return value;
}
