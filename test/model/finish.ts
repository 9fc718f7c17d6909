import { CancelOutcome, EventState, Handler, TaskState } from "../../src/proto.ts";
import type { Reason } from "../../src/server/errors.ts";
import type { CommitTurn, FailTurn, FollowUp, Outcome, RecoverTurns } from "../../src/server/store/calls.ts";
import type { Millis } from "../../src/server/store/records.ts";
import { accept, create } from "./accept.ts";
import { show } from "./output.ts";
import { start } from "./start.ts";
import {
  closed,
  ended,
  find,
  type Model,
  type ModelEvent,
  type ModelTask,
  newEvent,
  refuse,
  type Turn,
  type Work,
  waiting,
  workOf,
} from "./state.ts";
import { cancel, dropWaiting, dropWorks, supersede } from "./stop.ts";

/** What an event of the server's own is known by: its type, for its id is the store's. */
export const childEnded = "pigeonhole.task.ended";
export const questionExpired = "pigeonhole.question.expired";

export function commit(model: Model, args: CommitTurn): object {
  const { task, work, turn } = workOf(model, args);
  const { now } = args;
  const before = model.stopped.length;
  const asksToo = args.outcome.kind === "ask" && task.question !== undefined;
  if (asksToo || conflicts(task, turn, args)) refuse("STATE_CONFLICT");
  show(task, work, args.output, now);
  change(task, args.changes);

  const deferred = work.handler !== Handler.TASK_CANCEL && args.outcome.kind === "defer";
  const events = [...work.events, ...turn.taken];
  const state = deferred ? EventState.QUEUED : EventState.PROCESSED;
  for (const event of events) Object.assign(event, { state, since: now });
  close(task, work);
  for (const message of task.messages) if (message.turn === turn.number) message.turnTime = now;
  for (const followUp of args.followUps) follow(model, task, followUp, now);
  if (work.handler === Handler.TASK_CANCEL) endCancelled(model, task, undefined, now);
  else {
    if (work.handler === Handler.TASK_CREATE) task.state = TaskState.ACTIVE;
    conclude(model, task, args.outcome, now);
    if (args.outcome.kind === "defer") {
      hold(task, events, args.outcome);
    }
  }
  const stops = model.stopped.slice(before).some(({ taskId }) => taskId === task.id);
  return args.next === undefined || stops ? {} : start(task, args.next, now, false);
}

/** Holds back what comes until what a turn asks for that left events, or what one beside it did whose events still wait. */
function hold(
  task: ModelTask,
  events: ModelEvent[],
  until: { untilTime?: Millis; untilEvents?: number },
): void {
  const others = task.hold?.left.filter((event) => !events.includes(event)) ?? [];
  const beside = others.some((event) => waiting(task).includes(event)) ? task.hold : undefined;
  const least = (...asked: (number | undefined)[]) =>
    Math.min(...asked.map((each = Number.POSITIVE_INFINITY) => each));
  task.hold = {
    left: beside === undefined ? events : [...others, ...events],
    untilTime: least(until.untilTime, beside?.untilTime),
    untilEvents: least(until.untilEvents, beside?.untilEvents),
  };
}

/** Whether a turn that ran beside this one has changed what it read or changes. */
function conflicts(task: ModelTask, turn: Turn, { changes, reads }: CommitTurn): boolean {
  const since = Object.entries(task.changed).filter(([, revision]) => revision > turn.revision);
  return since.some(([key]) => reads === "all" || reads.includes(key) || key in changes);
}

function change(task: ModelTask, changes: CommitTurn["changes"]): void {
  if (Object.keys(changes).length > 0) task.revision += 1;
  for (const [key, value] of Object.entries(changes)) {
    task.changed[key] = task.revision;
    if (value === null) delete task.values[key];
    else task.values[key] = value;
  }
}

function follow(model: Model, task: ModelTask, followUp: FollowUp, now: Millis): void {
  switch (followUp.kind) {
    case "create": {
      const { event, ...made } = followUp.task;
      const isTaken = model.tasks.some((other) => other.name === made.name && !ended(other));
      if (made.name !== undefined && isTaken) refuse("TASK_NAME_TAKEN");
      create(model, { ...made, ...(event && { event }), now });
      return;
    }
    case "send":
      accept(model, find(model, followUp.taskId), followUp.event, now);
      return;
    case "cancel": {
      const other = find(model, followUp.taskId);
      if (!ended(other)) cancel(model, other, followUp.reason, now);
      return;
    }
    case "unschedule": {
      const event = task.events.find(({ id }) => id === followUp.eventId);
      if (event?.state === EventState.SCHEDULED) event.state = EventState.DROPPED;
    }
  }
}

function conclude(model: Model, task: ModelTask, outcome: Outcome, now: Millis): void {
  if (outcome.kind === "complete") {
    end(model, task, TaskState.COMPLETED, now);
    task.reason = outcome.reason;
  }
  if (outcome.kind === "fail") {
    end(model, task, TaskState.FAILED, now);
    task.error = outcome.error.reason;
  }
  if (outcome.kind === "ask")
    Object.assign(task, { state: TaskState.INPUT_REQUIRED, question: outcome.question });
}

export function fail(model: Model, args: FailTurn): object {
  const { task, work } = workOf(model, args);
  const { error, retryTime, exhausted = "dead-letter" } = args;
  if (args.counts) work.failures += 1;
  if (retryTime === undefined) giveUp(model, task, work, error.reason, exhausted, args.now);
  else tryAgain(task, work, error.reason, retryTime, args.now);
  return {};
}

/** Takes the turns of all owners but one. */
export function recover(model: Model, { owner, maxLosses, now }: RecoverTurns): object {
  let recovered = 0;
  for (const task of model.tasks) {
    for (const work of [...task.works]) {
      if (work.turn === undefined || work.turn.owner === owner) continue;
      recovered += 1;
      work.losses += 1;
      if (work.losses <= maxLosses) tryAgain(task, work, "TURN_LOST", now, now);
      else giveUp(model, task, work, "TURN_LOST", "dead-letter", now);
    }
  }
  return { recovered };
}

function tryAgain(task: ModelTask, work: Work, error: Reason, due: Millis, now: Millis): void {
  fallBack(task, work, EventState.QUEUED, error, now);
  work.due = due;
}

function giveUp(
  model: Model,
  task: ModelTask,
  work: Work,
  error: Reason,
  exhausted: string,
  now: Millis,
): void {
  fallBack(task, work, EventState.DEAD_LETTERED, error, now);
  close(task, work);
  if (work.handler === Handler.TASK_CANCEL) endCancelled(model, task, error, now);
  else if (work.handler === Handler.TASK_CREATE || exhausted === "fail") {
    end(model, task, TaskState.FAILED, now);
    task.error = error;
  } else if (exhausted === "pause") {
    task.paused = true;
    if (task.state === TaskState.ACTIVE) task.state = TaskState.PAUSED;
  }
}

/** Ends a turn without effect: its events go to a state, and what it had taken waits again. */
function fallBack(task: ModelTask, work: Work, state: EventState, error: Reason, now: Millis): void {
  for (const event of work.turn?.taken ?? []) {
    Object.assign(event, { state: EventState.QUEUED, attempt: event.attempt - 1, error, since: now });
  }
  for (const event of work.events) Object.assign(event, { state, error });
  supersede(task, work);
}

function close(task: ModelTask, work: Work): void {
  task.works = task.works.filter((other) => other !== work);
}

function endCancelled(model: Model, task: ModelTask, error: Reason | undefined, now: Millis): void {
  const outcome = task.forced ? CancelOutcome.FORCED : CancelOutcome.STOPPED;
  if (task.cancellation !== undefined) task.cancellation.outcome = outcome;
  task.error = error;
  end(model, task, task.timedOut ? TaskState.TIMED_OUT : TaskState.CANCELLED, now);
}

/** Brings a task to a final state, and tells its parent. */
function end(model: Model, task: ModelTask, state: TaskState, now: Millis): void {
  dropWorks(model, task, task.works, "ended");
  dropWaiting(task);
  Object.assign(task, { state, question: undefined, hold: undefined });
  if (task.agent.retention !== undefined) task.purgeTime = now + task.agent.retention;
  const parent = model.tasks.find(({ id }) => id === task.parent);
  if (parent !== undefined && !closed(parent)) parent.events.push(newEvent(childEnded, "queue", false, now));
}
