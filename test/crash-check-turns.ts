import type { JsonObject } from "@bufbuild/protobuf";
import {
  type Event,
  EventState,
  type Message,
  MessageAuthor,
  MessageState,
  TaskState,
  type TaskUpdate,
} from "../src/proto.ts";
import { answerTo, mentionOf } from "./agents/scribe-answer.ts";
import type { Report } from "./crash-check.ts";
import { checkOrder, checkTimes } from "./crash-check-order.ts";
import { type Rules, type TaskHistory, textOf, wasStopped } from "./crash-history.ts";

/** Checks in which order a scribe's events were handled, and that each was effective once (G2, G3, G5). */
export function checkTurns(history: TaskHistory, rules: Rules, report: Report): void {
  checkOrder(history.end.log, rules, report);
  checkTimes(history, report);
  const { greets = true } = rules;
  const greeted = greets && wasActive(history.end.log);
  checkConversation(history, greeted, report);
  checkState(history, greeted, report);
  checkCancellation(history, report);
}

function checkConversation({ end }: TaskHistory, greeted: boolean, report: Report): void {
  const mentions = new Set(end.events.map((event) => mentionOf(textOf(event))));
  for (const event of end.events) {
    const shown = end.messages.filter(({ eventId }) => eventId === event.id);
    const told = shown.filter((message) => !mentions.has(textOf(message))).map(voiceOf);
    const mentioned = end.messages.filter((message) => textOf(message) === mentionOf(textOf(event))).length;
    // What was taken into another turn is mentioned there, and shows nothing of its own.
    const text = textOf(event);
    const alone = event.state === EventState.PROCESSED && mentioned === 0 && !isOwn(event);
    const whole = alone ? [`USER: ${text}`, `AGENT: ${answerTo(text)}`] : [];
    const state = EventState[event.state];
    if (JSON.stringify(told) !== JSON.stringify(whole)) {
      report("G3", `event ${event.sequence}, ${state}, shows ${JSON.stringify(told)}`);
    }
    if (mentioned > (event.state === EventState.PROCESSED ? 1 : 0)) {
      report("G3", `event ${event.sequence}, ${state}, is mentioned ${mentioned} times`);
    }
    for (const { id, attempt } of shown) {
      if (attempt !== event.attempt) {
        report("G3", `message ${id} is of attempt ${attempt}, its event of ${event.attempt}`);
      }
    }
  }
  const greeting = greeted ? ["I am ready."] : [];
  const cancelled = wasStopped(end.task) ? [`Stopped: ${end.task.statusReason}`] : [];
  const others = end.messages.filter(({ eventId }) => eventId === "").map(textOf);
  if (JSON.stringify(others) !== JSON.stringify([...greeting, ...cancelled])) {
    report("G3", `onTaskCreate and onTaskCancel show ${JSON.stringify(others)}`);
  }
  for (const { id, state } of end.messages) {
    if (state !== MessageState.DONE) report("G3", `message ${id} ended as ${MessageState[state]}`);
  }
}

function checkState({ end }: TaskHistory, greeted: boolean, report: Report): void {
  const effective = end.events
    .filter(({ state }) => state === EventState.PROCESSED)
    .map(({ sequence }) => Number(sequence));
  const cancelled = wasStopped(end.task);
  const count = effective.length;
  const expected = {
    ...(cancelled && { cancelled: 1 }),
    ...(count > 0 && { count }),
    ...(greeted && { created: 1 }),
    ...(count > 0 && { seen: effective }),
  };
  const { turns: counted = 0, cured: _, putOff: __, reminders: ___, seen, ...rest } = addUp(end.state);
  const inOrder = Array.isArray(seen) ? { seen: seen.toSorted((a, b) => Number(a) - Number(b)) } : {};
  const state = Object.fromEntries(Object.entries({ ...rest, ...inOrder }).sort());
  if (JSON.stringify(state) !== JSON.stringify(expected)) {
    report(
      "G3",
      `the state is ${JSON.stringify(state)}, and what was effective makes ${JSON.stringify(expected)}`,
    );
  }
  const turns = Number(cancelled) + Number(greeted) + Number(counted);
  if (Number(end.revision) !== turns)
    report("G3", `${end.revision} turns changed the state, and ${turns} were effective`);
}

/** Adds up what turns have noted on pages of their own, as under `7/count`, and on the one that they share. */
function addUp(state: JsonObject): JsonObject {
  const sums: JsonObject = {};
  for (const [key, value] of Object.entries(state)) {
    const name = key.slice(key.indexOf("/") + 1);
    const sum = sums[name];
    if (typeof value === "number" && typeof sum === "number") sums[name] = sum + value;
    else if (Array.isArray(value) && Array.isArray(sum)) sums[name] = [...sum, ...value];
    else sums[name] = value;
  }
  return sums;
}

function checkCancellation({ end }: TaskHistory, report: Report): void {
  const begin = end.log.findIndex(
    ({ entry }) => entry.case === "task" && entry.value.state === TaskState.CANCELLING,
  );
  const dropped = end.events.some(({ state }) => state === EventState.DROPPED);
  if (begin < 0) {
    if (wasStopped(end.task)) report("G5", "it was stopped and never was CANCELLING");
    const finished = end.task.state === TaskState.COMPLETED || end.task.state === TaskState.FAILED;
    if (dropped && !finished) report("G5", "events were dropped of a task that goes on");
    return;
  }
  for (const { sequence, entry } of end.log.slice(begin + 1)) {
    if (entry.case === "event") {
      report(
        "G5",
        `event ${entry.value.sequence} changes to ${EventState[entry.value.state]} after the cancellation`,
      );
    }
    if (entry.case === "message" && entry.value.eventId !== "") {
      report("G5", `the fenced turn of an event shows a message at ${sequence}`);
    }
    if (entry.case === "delta" && !isOfMessageAfter(end.log, begin, entry.value.messageId)) {
      report("G5", `a fenced turn writes at ${sequence}`);
    }
  }
}

function isOfMessageAfter(log: TaskUpdate[], begin: number, messageId: string): boolean {
  return log
    .slice(begin)
    .some(
      ({ sequence, entry }) =>
        entry.case === "message" && entry.value.id === messageId && entry.value.sequence === sequence,
    );
}

function wasActive(log: TaskUpdate[]): boolean {
  return log.some(({ entry }) => entry.case === "task" && entry.value.state === TaskState.ACTIVE);
}

function isOwn({ type }: Event): boolean {
  return type.startsWith("pigeonhole.");
}

function voiceOf({ author, parts }: Message): string {
  return `${MessageAuthor[author]}: ${textOf({ parts })}`;
}
