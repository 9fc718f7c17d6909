import {
  type Event,
  EventState,
  type Message,
  MessageAuthor,
  MessageState,
  TaskState,
  type TaskUpdate,
} from "../src/proto.ts";
import { answerTo } from "./agents/scribe-answer.ts";
import type { Report } from "./crash-check.ts";
import type { TaskHistory } from "./crash-history.ts";

/** Checks in which order a scribe's events were handled, and that each was effective once (G2, G3, G5). */
export function checkTurns(history: TaskHistory, report: Report): void {
  checkOrder(history.end.log, report);
  checkConversation(history, report);
  checkState(history, report);
  checkCancellation(history, report);
}

function checkOrder(log: TaskUpdate[], report: Report): void {
  let created = false;
  const waiting = new Set<bigint>();
  let processing: bigint | undefined;
  let processed = 0n;
  for (const { entry } of log) {
    if (entry.case === "task" && entry.value.state === TaskState.ACTIVE) created = true;
    if (entry.case !== "event") continue;
    const { sequence, state } = entry.value;
    if (state === EventState.QUEUED) waiting.add(sequence);
    else waiting.delete(sequence);
    if (state === EventState.PROCESSING) {
      if (!created) report("G2", `event ${sequence} is handled before onTaskCreate has completed`);
      if (processing !== undefined) report("G2", `events ${processing} and ${sequence} are handled at once`);
      const earlier = [...waiting].find((other) => other < sequence);
      if (earlier !== undefined) report("G2", `event ${sequence} is handled before event ${earlier}`);
      processing = sequence;
    } else if (processing === sequence) {
      processing = undefined;
    }
    if (state === EventState.PROCESSED) {
      if (sequence <= processed) report("G2", `event ${sequence} is PROCESSED after event ${processed}`);
      processed = sequence;
    }
  }
}

function checkConversation({ end }: TaskHistory, report: Report): void {
  for (const event of end.events) {
    const shown = end.messages.filter(({ eventId }) => eventId === event.id);
    const told = shown.map(({ author, parts }) => `${MessageAuthor[author]}: ${textOf({ parts })}`);
    const text = textOf(event);
    const whole = event.state === EventState.PROCESSED ? [`USER: ${text}`, `AGENT: ${answerTo(text)}`] : [];
    if (JSON.stringify(told) !== JSON.stringify(whole)) {
      const state = EventState[event.state];
      report("G3", `event ${event.sequence}, ${state}, shows ${JSON.stringify(told)}`);
    }
    for (const { id, attempt } of shown) {
      if (attempt !== event.attempt) {
        report("G3", `message ${id} is of attempt ${attempt}, its event of ${event.attempt}`);
      }
    }
  }
  const created = wasActive(end.log) ? ["I am ready."] : [];
  const cancelled = end.task.state === TaskState.CANCELLED ? [`Stopped: ${end.task.statusReason}`] : [];
  const others = end.messages.filter(({ eventId }) => eventId === "").map(textOf);
  if (JSON.stringify(others) !== JSON.stringify([...created, ...cancelled])) {
    report("G3", `onTaskCreate and onTaskCancel show ${JSON.stringify(others)}`);
  }
  for (const { id, state } of end.messages) {
    if (state !== MessageState.DONE) report("G3", `message ${id} ended as ${MessageState[state]}`);
  }
}

function checkState({ end }: TaskHistory, report: Report): void {
  const effective = end.events
    .filter(({ state }) => state === EventState.PROCESSED)
    .map(({ sequence }) => Number(sequence));
  const created = wasActive(end.log);
  const cancelled = end.task.state === TaskState.CANCELLED;
  const count = effective.length;
  const expected = {
    ...(cancelled && { cancelled: 1 }),
    ...(count > 0 && { count }),
    ...(created && { created: 1 }),
    ...(count > 0 && { seen: effective }),
  };
  const state = Object.fromEntries(Object.entries(end.state).sort());
  if (JSON.stringify(state) !== JSON.stringify(expected)) {
    report(
      "G3",
      `the state is ${JSON.stringify(state)}, and what was effective makes ${JSON.stringify(expected)}`,
    );
  }
  const turns = Number(cancelled) + Number(created) + count;
  if (Number(end.revision) !== turns)
    report("G3", `${end.revision} turns changed the state, and ${turns} were effective`);
}

function checkCancellation({ end }: TaskHistory, report: Report): void {
  const begin = end.log.findIndex(
    ({ entry }) => entry.case === "task" && entry.value.state === TaskState.CANCELLING,
  );
  const dropped = end.events.some(({ state }) => state === EventState.DROPPED);
  if (begin < 0) {
    if (end.task.state === TaskState.CANCELLED) report("G5", "it is CANCELLED and never was CANCELLING");
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

function textOf({ parts }: Pick<Event | Message, "parts">): string {
  return parts.map(({ content }) => (content.case === "text" ? content.value : `[${content.case}]`)).join("");
}
