import { type DescMessage, equals, type MessageShape } from "@bufbuild/protobuf";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { type Event, EventSchema, EventState, TaskSchema, TaskState } from "../src/proto.ts";
import type { Report } from "./crash-check.ts";
import { isReport } from "./crash-check-children.ts";
import { isReminder } from "./crash-check-reminders.ts";
import { reasonOfStatus } from "./crash-clients.ts";
import {
  answerOf,
  type Request,
  type Rules,
  type StoreHistory,
  type TaskHistory,
  textOf,
  wasStopped,
} from "./crash-history.ts";

/** Checks that what was acknowledged is there, and that a request is one however often it is sent (G1, G8). */
export function checkRequests(history: TaskHistory, rules: Rules, report: Report): void {
  const { create, sends, cancels, interrupts = [], end } = history;
  checkAnswers(TaskSchema, create, report);
  for (const stop of [...cancels, ...interrupts]) checkAnswers(TaskSchema, stop, report);
  for (const send of sends) checkAnswers(EventSchema, send, report);
  const { batch, maxPending, turnTimeout } = rules;
  // Whatever is handled with what is poisoned is given up with it, and so is what finds no room for its reminder, or takes too long.
  const mayBeGivenUp = ({ type }: Event) =>
    type === "poison" ||
    batch !== undefined ||
    turnTimeout !== undefined ||
    (type === "remind" && maxPending !== undefined);
  checkSends(history, mayBeGivenUp, report);
  checkUnsends(history, report);
  checkLimit(history, report);
  if (answerOf(create)?.id !== end.task.id)
    report("G1", "its creation was acknowledged, and another is there");

  const cancelled = cancels.some((cancel) => answerOf(cancel) !== undefined);
  if (cancelled && !wasStopped(end.task)) {
    report("G1", `its cancellation was acknowledged, and it is ${TaskState[end.task.state]}`);
  }
  const mayBeCancelled = cancels.some(mayHaveEffect);
  if (end.task.state === TaskState.CANCELLED && !mayBeCancelled) {
    report("G1", "nobody cancelled it, and it is CANCELLED");
  }
}

/** Checks creations that nobody asked for again: of those whose outcome is unknown, there is at most one task. */
export function checkAbandoned({ abandoned, tasks, listed }: StoreHistory, report: Report): void {
  for (const { create, end, deleted = false } of tasks) {
    const found = listed.filter(({ labels }) => labels.request === create.requestId);
    if (found.length !== (deleted ? 0 : 1))
      report("G1", `task ${end.task.id}: is there ${found.length} times`);
  }
  for (const { requestId } of abandoned) {
    const found = listed.filter(({ labels }) => labels.request === requestId);
    if (found.length > 1) report("G8", `the creation ${requestId} made ${found.length} tasks`);
  }
}

function checkSends(
  { sends, end }: TaskHistory,
  mayBeGivenUp: (event: Event) => boolean,
  report: Report,
): void {
  const texts = new Map(sends.map((send) => [send.text, send]));
  for (const send of sends) {
    const answer = answerOf(send);
    const found = end.events.filter((event) => textOf(event) === send.text);
    const [event] = found;
    if (found.length > 1) report("G8", `${JSON.stringify(send.text)} was accepted ${found.length} times`);
    if (answer !== undefined && event === undefined) {
      report("G1", `${JSON.stringify(send.text)} was acknowledged and is gone`);
    } else if (answer !== undefined && (event?.id !== answer.id || hasMoved(answer, event, mayBeGivenUp))) {
      report("G1", `${JSON.stringify(send.text)} is another event than the one that was acknowledged`);
    }
    const refused = send.outcomes.length > 0 && !mayHaveEffect(send);
    if (refused && event !== undefined) report("G8", `${JSON.stringify(send.text)} was refused and is there`);
  }
  for (const event of end.events) {
    const own = event.type.startsWith("pigeonhole.");
    if (!own && !isReminder(event) && !isReport(event) && !texts.has(textOf(event)))
      report("G1", `nobody sent the event ${event.id}`);
    const settled = [EventState.PROCESSED, EventState.DROPPED].includes(event.state);
    const givenUp = mayBeGivenUp(event) && event.state === EventState.DEAD_LETTERED;
    if (!settled && !givenUp) {
      report("G1", `event ${event.sequence} ended as ${EventState[event.state]}`);
    }
  }
}

/** Checks that what was taken back is dropped, and nothing else is as if it had been (G1). */
function checkUnsends({ sends, end }: TaskHistory, report: Report): void {
  for (const event of end.events) {
    const { sequence, state, lastError } = event;
    const unsend = sends.find((send) => answerOf(send)?.id === event.id)?.unsend;
    const dropped = state === EventState.DROPPED;
    if (unsend !== undefined && answerOf(unsend) !== undefined && !dropped) {
      report("G1", `event ${sequence} was taken back, and ended as ${EventState[state]}`);
    }
    const takenBack = reasonOfStatus(lastError) === "EVENT_CANCELLED";
    const mayBe = isReminder(event) || (unsend !== undefined && mayHaveEffect(unsend));
    if (takenBack && !mayBe) report("G1", `event ${sequence} was taken back by nobody`);
  }
}

/** Checks that a task has the time limit that it was made with, and is not timed out before (G1). */
function checkLimit({ create: { ttl }, end: { task } }: TaskHistory, report: Report): void {
  const { createTime, expireTime, endTime, state } = task;
  const limit = createTime && expireTime && timestampMs(expireTime) - timestampMs(createTime);
  if (limit !== ttl) report("G1", `it was to have ${ttl} ms, and has ${limit}`);
  const early = !expireTime || !endTime || timestampMs(endTime) < timestampMs(expireTime);
  if (state === TaskState.TIMED_OUT && early) report("G1", "it was timed out before its time");
}

/** Whether something may have come of a request: it was acknowledged, or nobody knows. */
function mayHaveEffect({ outcomes }: Request<unknown>): boolean {
  return outcomes.some(({ kind }) => kind === "acknowledged" || kind === "unknown");
}

/** Whether an event has another place than it was given, though it was neither sent for later nor redriven. */
function hasMoved(answer: Event, event: Event, mayBeGivenUp: (event: Event) => boolean): boolean {
  const mayMove = answer.deliverTime !== undefined || mayBeGivenUp(answer);
  return mayMove ? event.sequence < answer.sequence : event.sequence !== answer.sequence;
}

function checkAnswers<Desc extends DescMessage>(
  schema: Desc,
  { requestId, outcomes }: Request<MessageShape<Desc>>,
  report: Report,
): void {
  const known = outcomes.flatMap((outcome) => (outcome.kind === "acknowledged" ? [outcome] : []));
  const [first, ...again] = known;
  if (first === undefined) return;
  const unknownBefore = outcomes.slice(0, outcomes.indexOf(first)).some(({ kind }) => kind === "unknown");
  if (first.duplicate && !unknownBefore)
    report("G8", `the first answer to ${requestId} says that it is a duplicate`);
  for (const { answer, duplicate } of again) {
    if (!duplicate) report("G8", `a later answer to ${requestId} does not say that it is a duplicate`);
    if (!equals(schema, answer, first.answer)) report("G8", `the answers to ${requestId} differ`);
  }
  const last = outcomes.findLastIndex(({ kind }) => kind === "refused");
  if (last > outcomes.indexOf(first)) report("G8", `${requestId} was refused after it had been acknowledged`);
}
