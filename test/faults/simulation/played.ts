import type { Call, CallResult } from "../../../src/server/store/sqlite/protocol.ts";
import { isExpiry } from "../../crash-check-questions.ts";
import type { StoreHistory } from "../../crash-history.ts";

/** How often what a simulation is to play has come to be: a run in which nothing of a kind happened has not tried it. */
export interface Played {
  counts: Record<string, number>;
  /** Counts what a call is that took effect, or that was refused, and beside how many turns of its task another was started. */
  note(call: Call, result: CallResult, beside: number): void;
  /** Counts what shows in the end. */
  noteEnd(history: StoreHistory, posts?: { posts: number; postedAgain: number }): void;
}

/** What it looks for in the answer of a call. */
interface Answer {
  turn?: { events: unknown[] };
  fired?: boolean;
  interrupted?: number;
}

export function createPlayed(): Played {
  const counts = {
    ...{ sideBySide: 0, conflicts: 0, batches: 0, deferrals: 0, busy: 0, interrupts: 0 },
    ...{ questions: 0, answers: 0, lateAnswers: 0, expiredQuestions: 0 },
    ...{ ticks: 0, posts: 0, postedAgain: 0 },
  };
  return { counts, note, noteEnd };

  function note({ name, args }: Call, result: CallResult, beside: number): void {
    if ("reason" in result) {
      if (result.reason === "STATE_CONFLICT") counts.conflicts += 1;
      if (result.reason === "TASK_BUSY") counts.busy += 1;
      if (result.reason === "QUESTION_CLOSED") counts.lateAnswers += 1;
      return;
    }
    const { turn, fired, interrupted }: Answer = Object(result.value);
    const { outcome, firings } = Object(args);
    if (turn !== undefined && beside > 1) counts.sideBySide += 1;
    if (turn !== undefined && turn.events.length > 1) counts.batches += 1;
    if (outcome?.kind === "defer") counts.deferrals += 1;
    if (outcome?.kind === "ask") counts.questions += 1;
    if (name === "interruptTask" && (interrupted ?? 0) > 0) counts.interrupts += 1;
    if (name === "fireSchedule" && fired) counts.ticks += firings.length;
  }

  function noteEnd({ tasks }: StoreHistory, { posts, postedAgain } = { posts: 0, postedAgain: 0 }): void {
    counts.posts += posts;
    counts.postedAgain += postedAgain;
    const events = tasks.flatMap(({ end }) => end.events);
    counts.answers += events.filter(({ answers }) => answers !== "").length;
    counts.expiredQuestions += events.filter(isExpiry).length;
  }
}
