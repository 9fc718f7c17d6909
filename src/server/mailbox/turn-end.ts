import type { Agent } from "../agent.ts";
import type { Clock } from "../clock.ts";
import { hasReason, TaskError } from "../errors.ts";
import type { StartedTurn } from "../store/calls.ts";
import type { Failure, Millis } from "../store/records.ts";
import { retryDelay } from "./retry-delay.ts";

/** How a turn that had no effect is recorded: see Store.failTurn. */
export interface TurnEnd {
  error: Failure;
  counts: boolean;
  /** When to run it again. Absent: never. */
  retryTime?: Millis;
}

/** Whether a signal has aborted because its turn is over: nothing that its handler does has an effect any more. */
export function isOver(signal: AbortSignal): boolean {
  return hasReason(signal.reason, "TASK_CANCELLED", "TASK_INTERRUPTED", "TIMED_OUT");
}

/** What a handler threw, as opposed to what its commit was refused with. */
export interface Thrown {
  thrown: unknown;
}

/** What ends a turn without effect: what its handler threw, or else a TaskError. */
export type Cause = Thrown | TaskError;

/**
 * Says how a turn ends that had no effect. One that was stopped from outside, or lost a race, is run again at once and does not count; one
 * that failed is run again after a backoff, as often as its agent's policy says, and never after an error that is final.
 */
export function turnEnd(
  cause: Cause,
  { agent, turn, clock }: { agent: Agent; turn: StartedTurn; clock: Clock },
): TurnEnd {
  if (hasReason(cause, "TURN_LOST", "STATE_CONFLICT")) {
    return { error: failureOf(cause), counts: false, retryTime: clock.now() };
  }
  const last = turn.failures + 1 >= agent.retry.maxAttempts;
  const final = last || (!(cause instanceof TaskError) && isFinal(cause.thrown, agent));
  return {
    error: failureOf(cause),
    counts: true,
    ...(!final && { retryTime: clock.now() + retryDelay(agent.retry, turn.failures, clock.random()) }),
  };
}

/** Whether an error is never to be tried again. A FinalError may come from another copy of this package. */
function isFinal(error: unknown, { retry }: Agent): boolean {
  try {
    return (error instanceof Error && error.name === "FinalError") || retry.isFinal?.(error) === true;
  } catch {
    // An agent that cannot tell has not said that it is final.
    return false;
  }
}

/** Describes what a turn ended with. What a handler threw may be anything at all. */
function failureOf(cause: Cause): Failure {
  if (cause instanceof TaskError) return { reason: cause.reason, message: brief(cause.message, 4096) };
  const { thrown } = cause;
  const isError = thrown instanceof Error;
  const name = textOf(() => (isError ? thrown.name : typeof thrown), 256);
  const message = textOf(() => (isError ? thrown.message : thrown), 4096);
  return { reason: "HANDLER_FAILED", name, message };
}

function textOf(read: () => unknown, maxLength: number): string {
  try {
    return brief(String(read()), maxLength);
  } catch {
    return "something without a text";
  }
}

function brief(text: string, maxLength: number): string {
  return text.slice(0, maxLength).toWellFormed();
}
