import { checkChildren } from "./crash-check-children.ts";
import { checkFences } from "./crash-check-fences.ts";
import { checkLogs } from "./crash-check-logs.ts";
import { checkQuestions } from "./crash-check-questions.ts";
import { checkReminders } from "./crash-check-reminders.ts";
import { checkAbandoned, checkRequests } from "./crash-check-requests.ts";
import { checkTurns } from "./crash-check-turns.ts";
import type { StoreHistory, TaskHistory } from "./crash-history.ts";

/** Notes a guarantee that a history breaks, and how. */
export type Report = (guarantee: string, violation: string) => void;

/**
 * Checks what clients saw of a scribe's tasks against the guarantees. Returns the violations, each beginning with the guarantee that it
 * breaks, as in `G3 task ...: ...`.
 */
export function checkHistory(history: StoreHistory): string[] {
  const violations: string[] = [];
  checkAbandoned(history, (guarantee, violation) => violations.push(`${guarantee} ${violation}`));
  return [...violations, ...history.tasks.flatMap((task) => checkTask(task, history))];
}

function checkTask(history: TaskHistory, all: StoreHistory): string[] {
  const violations: string[] = [];
  const report: Report = (guarantee, violation) =>
    violations.push(`${guarantee} task ${history.end.task.id}: ${violation}`);
  checkRequests(history, all.rules ?? {}, report);
  checkTurns(history, all.rules ?? {}, report);
  checkQuestions(history, report);
  checkReminders(history, all.rules ?? {}, report);
  checkFences(history, report);
  checkLogs(history, all.rules ?? {}, report);
  checkChildren(history, all, report);
  return violations;
}
