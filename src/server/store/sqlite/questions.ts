import { TaskError } from "../../errors.ts";
import type { Millis, QuestionRecord } from "../records.ts";
import { TaskState } from "../states.ts";
import { newEventRow } from "./accept-event.ts";
import { insertEvent } from "./events.ts";
import { logTask } from "./log.ts";
import { parseQuestion, type TaskRow } from "./rows.ts";
import { questionExpired } from "./system-events.ts";
import { clearTimer, setTimer } from "./timers.ts";
import type { Tx } from "./tx.ts";

/** Opens a question. Throws STATE_CONFLICT if one is open, which a turn that runs beside has asked. */
export function openQuestion(tx: Tx, task: TaskRow, now: Millis, question: QuestionRecord): void {
  if (task.question !== null)
    throw new TaskError("STATE_CONFLICT", `task ${task.id} has asked another question`);
  task.question = JSON.stringify(question);
  task.state = TaskState.INPUT_REQUIRED;
  if (question.expireTime !== undefined) setTimer(tx, question.expireTime, task.id, "answer");
  logTask(tx, task, now);
}

/** Closes the open question: the task goes on. */
export function closeQuestion(tx: Tx, task: TaskRow, now: Millis): void {
  forgetQuestion(tx, task);
  task.state = task.paused === 1 ? TaskState.PAUSED : TaskState.ACTIVE;
  logTask(tx, task, now);
}

/** Forgets the open question, if there is one, and its deadline. */
export function forgetQuestion(tx: Tx, task: TaskRow): void {
  if (task.question === null) return;
  clearTimer(tx, parseQuestion(task.question).expireTime ?? null, task.id, "answer");
  task.question = null;
}

/** Closes a question whose deadline has passed: an event that says so comes in place of the answer. */
export function expireQuestion(tx: Tx, task: TaskRow, dueTime: Millis, now: Millis): void {
  const question = task.question === null ? undefined : parseQuestion(task.question);
  if (question?.expireTime !== dueTime) return;
  const event = questionExpired(question.id);
  insertEvent(tx, task, now, newEventRow(task, now, event), event.content);
  closeQuestion(tx, task, now);
}
