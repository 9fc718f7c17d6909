import { Handler } from "../../proto.ts";
import type { Agent, TurnContext } from "../agent.ts";
import type { Clock } from "../clock.ts";
import { TaskError } from "../errors.ts";
import type { Outcome, StartedTurn } from "../store/calls.ts";
import { requireSchema } from "./question-schema.ts";
import { timeOf, wholeNumber } from "./when.ts";

const maxPromptLength = 16_384;
/** The most events that a turn may wait for: what any mailbox may hold. */
const maxEvents = 1_000_000;

export interface TurnOutcomeOptions {
  agent: Pick<Agent, "mailbox">;
  turn: Pick<StartedTurn, "handler">;
  clock: Clock;
  /** Throws once the turn is over. */
  requireOpen(): void;
}

/** Makes the calls that say how a turn leaves its task, of which the last counts, and tells what they come to. */
export function createTurnOutcome({ agent, turn, clock, requireOpen }: TurnOutcomeOptions) {
  let outcome: Outcome = { kind: "continue" };
  const calls: Pick<TurnContext, "complete" | "fail" | "defer" | "requireInput"> = {
    complete(reason) {
      requireNotCancelled();
      outcome = { kind: "complete", ...withReason(reason) };
    },
    fail(reason) {
      requireNotCancelled();
      const message = withReason(reason).reason ?? "the agent failed the task";
      outcome = { kind: "fail", reason: message, error: { reason: "HANDLER_FAILED", message } };
    },
    defer(until) {
      requireEvents("defer");
      const { events, ...when } = until;
      const timed = when.in !== undefined || when.at !== undefined;
      if (!timed && events === undefined) {
        throw new TaskError("VALUE_INVALID", "defer must say `in`, `at` or `events`");
      }
      if (!timed) requireReachable(events, agent.mailbox);
      outcome = {
        kind: "defer",
        ...(timed && { untilTime: timeOf(when, clock.now(), "defer") }),
        ...(events !== undefined && { untilEvents: wholeNumber("defer: events", events, 1, maxEvents) }),
      };
    },
    requireInput({ prompt, schema, deadline }) {
      requireEvents("requireInput");
      requirePrompt(prompt);
      const createTime = clock.now();
      const id = clock.id();
      outcome = {
        kind: "ask",
        question: {
          id,
          prompt,
          createTime,
          ...(schema !== undefined && { schema: requireSchema(schema) }),
          ...(deadline && { expireTime: timeOf(deadline, createTime, "requireInput: deadline") }),
        },
      };
      return id;
    },
  };
  return { calls, outcome: () => outcome };

  function requireNotCancelled(): void {
    requireOpen();
    if (turn.handler !== Handler.TASK_CANCEL) return;
    throw new TaskError(
      "VALUE_INVALID",
      "a task that was cancelled ends CANCELLED, and cannot be completed or failed",
    );
  }

  /** Only a turn that handles events can leave them, or have another one answer. */
  function requireEvents(call: string): void {
    requireOpen();
    requireEventTurn(turn.handler, call);
  }
}

/** Throws VALUE_INVALID in a turn that is not for events. */
export function requireEventTurn(handler: Handler, call: string): void {
  if (handler === Handler.TASK_EVENT_SEND || handler === Handler.TASK_EVENT_BATCH) return;
  const name = handler === Handler.TASK_CREATE ? "onTaskCreate" : "onTaskCancel";
  throw new TaskError("VALUE_INVALID", `${name} handles no events, and cannot call ${call}`);
}

/** Gives a reason, if there is one. Throws VALUE_INVALID if it is too long. */
export function withReason(reason: string | undefined): { reason?: string } {
  if (reason === undefined || reason === "") return {};
  if (typeof reason === "string" && reason.length <= 1024 && reason.isWellFormed()) return { reason };
  throw new TaskError("VALUE_INVALID", "a reason must be a string of at most 1,024 characters");
}

/**
 * Throws VALUE_INVALID for more events than a mailbox takes: but for the ends of children they never come, and without a time nothing else
 * does.
 */
function requireReachable(events: number | undefined, { maxPending }: Agent["mailbox"]): void {
  if (events === undefined || !(events > maxPending)) return;
  throw new TaskError(
    "VALUE_INVALID",
    `defer: events must be at most ${maxPending} without \`in\` or \`at\`: the mailbox takes no more`,
  );
}

function requirePrompt(prompt: string): void {
  const valid = typeof prompt === "string" && prompt !== "" && prompt.length <= maxPromptLength;
  if (valid && prompt.isWellFormed()) return;
  throw new TaskError("VALUE_INVALID", `a prompt must be a string of 1 to ${maxPromptLength} characters`);
}
