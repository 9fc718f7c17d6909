import type { RecoverTurns } from "../calls.ts";
import type { Failure } from "../records.ts";
import { giveUp, putBack } from "./end-turn.ts";
import type { WorkRow } from "./rows.ts";
import { requireTask, type Tx } from "./tx.ts";

/** See Store.recoverTurns. */
export function recoverTurns(tx: Tx, { owner, maxLosses, exhausted, limit, now }: RecoverTurns): number {
  const lost = tx.sql
    .all<WorkRow>`select * from turns where owner <> ${owner} order by task_id, work limit ${limit}`;
  for (const work of lost) {
    const task = requireTask(tx, work.task_id);
    // One that was lost beside it has ended the task, and this with it.
    if (task.ended_at !== null) continue;
    const error: Failure = { reason: "TURN_LOST", message: "the process that ran the turn is gone" };
    work.losses += 1;
    if (work.losses <= maxLosses) {
      putBack(tx, { task, work }, now, error, now);
    } else {
      const message = `${error.message}, for the ${work.losses}th time`;
      giveUp(tx, { task, work }, now, { ...error, message }, exhausted?.get(task.agent) ?? "dead-letter");
    }
  }
  return lost.length;
}
