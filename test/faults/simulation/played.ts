import type { Call, CallResult } from "../../../src/server/store/sqlite/protocol.ts";

/** How often what a simulation is to play has come to be: a run in which nothing of a kind happened has not tried it. */
export interface Played {
  counts: Record<string, number>;
  /** Counts what a call is that took effect, or that was refused, and beside how many turns of its task another was started. */
  note(call: Call, result: CallResult, beside: number): void;
}

export function createPlayed(): Played {
  const counts: Record<string, number> = { sideBySide: 0, conflicts: 0, batches: 0, deferrals: 0, busy: 0 };
  return { counts, note };

  function note({ args }: Call, result: CallResult, beside: number): void {
    const answer: { turn?: { events: unknown[] } } = "value" in result ? Object(result.value) : {};
    if (answer.turn !== undefined && beside > 1) add("sideBySide");
    if (answer.turn !== undefined && answer.turn.events.length > 1) add("batches");
    if ("value" in result && Object(args).outcome?.kind === "defer") add("deferrals");
    if ("reason" in result && result.reason === "TASK_BUSY") add("busy");
    if ("reason" in result && result.reason === "STATE_CONFLICT") add("conflicts");
  }

  function add(what: string): void {
    counts[what] = (counts[what] ?? 0) + 1;
  }
}
