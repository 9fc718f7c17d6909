import type { Call, CallResult } from "../../../src/server/store/sqlite/protocol.ts";
import { isExpiry } from "../../crash-check-questions.ts";
import type { StoreHistory } from "../../crash-history.ts";

/** How often what a simulation is to play has come to be: a run in which nothing of a kind happened has not tried it. */
export interface Played {
  counts: Record<string, number>;
  /** Counts what a call is that took effect, or that was refused, and beside how many turns of its task another was started. */
  note(call: Call, result: CallResult, beside: number): void;
  /** Counts what shows in the end. */
  noteEnd(history: StoreHistory): void;
}

export function createPlayed(): Played {
  const counts: Record<string, number> = {
    sideBySide: 0,
    conflicts: 0,
    batches: 0,
    deferrals: 0,
    busy: 0,
    questions: 0,
    lateAnswers: 0,
  };
  return { counts, note, noteEnd };

  function note({ args }: Call, result: CallResult, beside: number): void {
    const answer: { turn?: { events: unknown[] } } = "value" in result ? Object(result.value) : {};
    if (answer.turn !== undefined && beside > 1) add("sideBySide");
    if (answer.turn !== undefined && answer.turn.events.length > 1) add("batches");
    const { outcome } = Object(args);
    if ("value" in result && outcome?.kind === "defer") add("deferrals");
    if ("value" in result && outcome?.kind === "ask") add("questions");
    if ("reason" in result && result.reason === "TASK_BUSY") add("busy");
    if ("reason" in result && result.reason === "QUESTION_CLOSED") add("lateAnswers");
    if ("reason" in result && result.reason === "STATE_CONFLICT") add("conflicts");
  }

  function noteEnd({ tasks }: StoreHistory): void {
    const events = tasks.flatMap(({ end }) => end.events);
    counts.answers = events.filter(({ answers }) => answers !== "").length;
    counts.expiredQuestions = events.filter(isExpiry).length;
  }

  function add(what: string): void {
    counts[what] = (counts[what] ?? 0) + 1;
  }
}
