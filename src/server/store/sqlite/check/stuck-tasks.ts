import type { Millis } from "../../records.ts";
import { nextDue } from "../next-due.ts";
import type { TaskRow } from "../rows.ts";
import type { Sql } from "../sql.ts";

/** A task that stands in the index of what is due, or does not, against what it has to do. */
export interface StuckTask {
  task: string;
  detail: string;
}

/**
 * Finds tasks with nothing in hand that nobody would start, though there is a turn to start, or that somebody would, though there is none.
 * A task with work in hand finds out when that ends; and when exactly a batch is due may have changed with its agent's rules.
 */
export function* findStuckTasks(sql: Sql, now: Millis): Iterable<StuckTask> {
  const idle = sql.each<TaskRow>`select * from tasks where ended_at is null and in_hand = 0`;
  for (const task of idle) {
    const due = nextDue(sql, task, now);
    if ((due === null) === (task.due_at === null)) continue;
    const detail =
      due === null ? "it is due, with nothing to do" : "it has a turn to start, and is never due";
    yield { task: task.id, detail };
  }
}
