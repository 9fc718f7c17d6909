import type { Commit, Millis, StoppedTurn } from "../records.ts";
import type { Tx } from "./tx.ts";

/** What the transactions of a batch have changed, together. */
export interface Changes {
  add(tx: Tx): void;
  /** Gives what is told after the commit, if anything is. */
  commit(): { commit?: Commit };
}

export function createChanges(): Changes {
  const grown = new Set<string>();
  const due = new Map<string, Millis>();
  const stopped: StoppedTurn[] = [];
  let timer = Number.POSITIVE_INFINITY;
  return {
    add(tx) {
      for (const taskId of tx.grown) grown.add(taskId);
      for (const taskId of tx.tasks.keys()) due.delete(taskId);
      for (const [taskId, time] of tx.due) due.set(taskId, time);
      stopped.push(...tx.stopped);
      timer = Math.min(timer, tx.timer);
    },
    commit() {
      const hasTimer = timer < Number.POSITIVE_INFINITY;
      if (grown.size === 0 && due.size === 0 && stopped.length === 0 && !hasTimer) return {};
      return {
        commit: {
          grown: [...grown],
          due: [...due].map(([taskId, time]) => ({ taskId, time })),
          stopped,
          ...(hasTimer && { timer }),
        },
      };
    },
  };
}
