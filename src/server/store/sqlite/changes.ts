import type { Commit } from "../calls.ts";
import type { Sql } from "./sql.ts";
import { addChanges, createTx, type Tx } from "./tx.ts";

/** What the transactions of a batch have changed, together. */
export interface Changes {
  readonly events: Tx["events"];
  add(tx: Tx): void;
  /** Gives what is told after the commit, if anything is. */
  commit(): { commit?: Commit };
}

export function createChanges(sql: Sql): Changes {
  const all = createTx(sql);
  return {
    events: all.events,
    add: (tx) => addChanges(all, tx),
    commit() {
      const { grown, due, stopped, timer } = all;
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
