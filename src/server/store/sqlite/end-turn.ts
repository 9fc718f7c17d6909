import type { CommitTurn, FailTurn, Outcome, StartTurnResult } from "../calls.ts";
import type { Failure, Millis } from "../records.ts";
import { EventState, Handler, TaskState } from "../states.ts";
import { writeOutput } from "./append-output.ts";
import { armCompaction, hasDeltas } from "./compact.ts";
import { defer } from "./deferral.ts";
import { endCancelled, endTask } from "./end-task.ts";
import { moveEvent } from "./events.ts";
import { applyFollowUps } from "./follow-ups.ts";
import { logTask } from "./log.ts";
import { openQuestion } from "./questions.ts";
import type { EventRow, TaskRow } from "./rows.ts";
import { startAtOnce } from "./start-turn.ts";
import { requireNoConflict, writeState } from "./state.ts";
import type { Tx } from "./tx.ts";
import { closeWork, eventsOf, keepWork, type RunningTurn, requireTurn, supersedeTurn } from "./works.ts";

/** See Store.commitTurn. */
export function commitTurn(tx: Tx, args: CommitTurn): StartTurnResult {
  const { now, outcome } = args;
  const turn = requireTurn(tx, args.taskId, args.turn);
  const { task, work } = turn;
  requireNoConflict(tx, turn, args);
  writeOutput(tx, turn, args);
  writeState(tx, turn, now, args.changes);
  const { own, taken } = eventsOf(tx, task, work);
  closeWork(tx, task, work);
  if (hasDeltas(tx, turn)) armCompaction(tx, task, now);
  const place = outcome.kind === "defer" ? { state: EventState.QUEUED } : { state: EventState.PROCESSED };
  const events = [...own, ...taken];
  for (const event of events) moveEvent(tx, task, now, event, place);
  applyFollowUps(tx, task, now, args.followUps);
  leave(tx, turn, now, outcome, events);
  return startAtOnce(tx, task, now, args.next);
}

/** Leaves a task as its turn's outcome says. One that the turn itself has cancelled is being cancelled, whatever else it says. */
function leave(
  tx: Tx,
  { task, work }: RunningTurn,
  now: Millis,
  outcome: Outcome,
  events: readonly EventRow[],
): void {
  if (work.handler === Handler.TASK_CANCEL) {
    endCancelled(tx, task, now, work.forced === 1);
  } else if (task.state === TaskState.CANCELLING) {
    return;
  } else if (outcome.kind === "complete") {
    endTask(tx, task, now, { state: TaskState.COMPLETED, ...reasonOf(outcome) });
  } else if (outcome.kind === "fail") {
    endTask(tx, task, now, { state: TaskState.FAILED, error: outcome.error, ...reasonOf(outcome) });
  } else if (outcome.kind === "ask") {
    openQuestion(tx, task, now, outcome.question);
  } else if (work.handler === Handler.TASK_CREATE) {
    task.state = TaskState.ACTIVE;
    logTask(tx, task, now);
  } else if (outcome.kind === "defer") {
    defer(tx.sql, task, events, outcome);
  }
}

function reasonOf({ reason }: { reason?: string }) {
  return reason === undefined ? {} : { reason };
}

/** See Store.failTurn. */
export function failTurn(tx: Tx, args: FailTurn): void {
  const { now, error, retryTime, exhausted = "dead-letter" } = args;
  const turn = requireTurn(tx, args.taskId, args.turn);
  if (args.counts) turn.work.failures += 1;
  if (retryTime === undefined) giveUp(tx, turn, now, error, exhausted);
  else putBack(tx, turn, now, error, retryTime);
}

/** Ends a turn without effect: its work is to be tried again at a time, and what it had taken waits again. */
export function putBack(tx: Tx, turn: RunningTurn, now: Millis, error: Failure, retryTime: Millis): void {
  const { task, work } = turn;
  const { own, taken } = supersede(tx, turn, now, error, retryTime);
  keepWork(tx, task, work, retryTime);
  for (const event of own) moveEvent(tx, task, now, event, { state: EventState.QUEUED, held: true, error });
  returnTaken(tx, task, now, taken, error);
}

/** Ends a turn without effect, for good: its events are dead-lettered. */
export function giveUp(
  tx: Tx,
  turn: RunningTurn,
  now: Millis,
  error: Failure,
  exhausted: NonNullable<FailTurn["exhausted"]>,
): void {
  const { task, work } = turn;
  const { own, taken } = supersede(tx, turn, now, error);
  closeWork(tx, task, work);
  for (const event of own) moveEvent(tx, task, now, event, { state: EventState.DEAD_LETTERED, error });
  returnTaken(tx, task, now, taken, error);
  if (work.handler === Handler.TASK_CANCEL) {
    endCancelled(tx, task, now, work.forced === 1, error);
  } else if (work.handler === Handler.TASK_CREATE || exhausted === "fail") {
    endTask(tx, task, now, { state: TaskState.FAILED, error });
  } else if (exhausted === "pause") {
    pause(tx, task, now);
  }
}

/** Has a task wait for a redrive. While a question is open that shows once it is closed. */
function pause(tx: Tx, task: TaskRow, now: Millis): void {
  task.paused = 1;
  if (task.state !== TaskState.ACTIVE) return;
  task.state = TaskState.PAUSED;
  logTask(tx, task, now);
}

function supersede(tx: Tx, turn: RunningTurn, now: Millis, error: Failure, retryTime?: Millis) {
  const events = eventsOf(tx, turn.task, turn.work);
  supersedeTurn(tx, turn, now, [...events.own, ...events.taken], error, retryTime);
  return events;
}

/** Has what a turn had taken wait again: it was not its turn, and counts as none of its attempts. */
function returnTaken(tx: Tx, task: TaskRow, now: Millis, taken: readonly EventRow[], error: Failure): void {
  for (const event of taken) {
    event.attempt -= 1;
    moveEvent(tx, task, now, event, { state: EventState.QUEUED, error });
  }
}
