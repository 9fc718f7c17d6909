import { EventState } from "../../../src/proto.ts";
import type { Call, CallResult } from "../../../src/server/store/sqlite/protocol.ts";
import type { TaskHistory } from "../../crash-history.ts";
import type { Played } from "./played.ts";
import { createReferenceMailbox } from "./reference-mailbox.ts";
import { createReferenceSchedule } from "./reference-schedule.ts";
import { createReferenceWebhook } from "./reference-webhook.ts";
import type { SimulatedRules } from "./rules.ts";

/** What a call may be refused with: anything else is the server's own fault. */
const refusals = [
  ...["TURN_OVER", "TASK_FINISHED", "STATE_CONFLICT", "QUESTION_CLOSED", "TASK_BUSY"],
  ...["MAILBOX_FULL", "EVENT_STATE", "TASK_NOT_FOUND"],
];

/** Compares what takes effect with what it does to the reference mailbox. */
export interface Judge {
  /** Is told of each call that took effect, or was refused, in their order. */
  committed(call: Call, result: CallResult): void;
  /** How many turns run. */
  running(): number;
  /** What has become of a task's events that should not have. */
  compareEnd(history: TaskHistory): string[];
}

export function createJudge(
  rules: SimulatedRules,
  played: Played,
  report: (violation: string) => void,
): Judge {
  const plain = { parallel: 1, maxPending: Number.POSITIVE_INFINITY, onExhausted: "dead-letter" as const };
  const reference = createReferenceMailbox({
    ...plain,
    ...rules.mailbox,
    ...rules.retry,
    greets: rules.greets,
  });
  const { tick } = rules.schedules ?? {};
  const calls: Record<string, unknown> = {
    ...reference.calls,
    ...(tick && createReferenceSchedule(tick, reference, played.replaces)),
    ...createReferenceWebhook(),
  };
  return { committed, running: reference.running, compareEnd };

  function committed(call: Call, result: CallResult): void {
    const { name, args } = call;
    if ("reason" in result && !refusals.includes(result.reason)) {
      report(`G7 ${name} failed: ${result.reason} ${result.message} ${String(result.cause)}`);
      return;
    }
    // What was answered before has no effect, and is for the history checker to judge.
    if ("value" in result && Object(result.value).duplicate === true) return;
    const rule = calls[name];
    if (typeof rule !== "function") return;
    const expected: unknown = rule(args);
    played.note(call, result, reference.turnsOf(Object(args).taskId));
    const actual = "reason" in result ? result.reason : result.value;
    if (agrees(expected, actual)) return;
    const [wanted, found] = [expected, actual].map((answer) => JSON.stringify(answer)?.slice(0, 400));
    report(`G2 ${name} answered ${found}, and the reference ${wanted}`);
  }

  function compareEnd({ end }: TaskHistory): string[] {
    return end.events.flatMap(({ id, state }) => {
      const wanted = reference.stateOf(id);
      if (wanted === state) return [];
      return [`G2 event ${id} is ${EventState[state]}, and in the reference ${EventState[wanted ?? 0]}`];
    });
  }
}

/** Whether an answer has all that is expected of it. What is not expected to be there may be anything. */
function agrees(expected: unknown, actual: unknown): boolean {
  if (typeof expected !== "object" || expected === null) {
    return expected === undefined ? typeof actual !== "string" : expected === actual;
  }
  if (typeof actual !== "object" || actual === null) return false;
  if (Array.isArray(expected) && expected.length !== Object(actual).length) return false;
  return Object.entries(expected).every(([key, value]) => {
    const found: unknown = Reflect.get(actual, key);
    return value === undefined ? found === undefined : agrees(value, found);
  });
}
