import { EventState, Handler, TaskState } from "../../../proto.ts";
import type { CommitTurn, FailTurn, Millis, Outcome, StartTurnResult } from "../records.ts";
import { requireTurn, writeOutput } from "./append-output.ts";
import {
  closeTurn,
  closeWork,
  endTask,
  failEvent,
  giveUp,
  moveEvent,
  supersedeTurn,
  turnEvent,
} from "./end-work.ts";
import { logTask, type Tx } from "./log.ts";
import { saveTask, setDue, type TaskRow } from "./rows.ts";
import { requeue, startNext } from "./start-turn.ts";

/** See Store.commitTurn. */
export function commitTurn(tx: Tx, args: CommitTurn): StartTurnResult {
  const { now, outcome } = args;
  const task = requireTurn(tx, args.taskId, args.turn);
  writeOutput(tx, task, args);
  writeState(tx, task, args.changes);
  const event = turnEvent(tx, task);
  const handler = task.turn_handler;
  closeTurn(task);
  if (event !== undefined) {
    moveEvent(tx, task, now, event, EventState.PROCESSED);
    task.cursor = event.sequence;
  }
  closeWork(task);
  const ended = handler === Handler.TASK_CANCEL || outcome.kind !== "continue";
  if (ended) {
    endTask(tx, task, now, finalState(handler, outcome));
  } else {
    if (handler === Handler.TASK_CREATE) {
      task.state = TaskState.ACTIVE;
      logTask(tx, task, now);
    }
    setDue(tx.sql, task, dueAfter(task, args));
  }
  const next = args.next === undefined || ended ? {} : startNext(tx, task, now, args.next);
  saveTask(tx.sql, task);
  return next;
}

/** When the next turn is due. A task that gives its place up goes to the end of the line, or others with as much to do would never come. */
function dueAfter(task: TaskRow, { next, now }: CommitTurn): Millis | null {
  if (task.pending === 0) return null;
  return next === undefined ? now : (task.due_at ?? now);
}

/** See Store.failTurn. */
export function failTurn(tx: Tx, args: FailTurn): void {
  const { now, error, retryTime } = args;
  const task = requireTurn(tx, args.taskId, args.turn);
  const event = turnEvent(tx, task);
  supersedeTurn(tx, task, now, error, retryTime);
  if (retryTime !== undefined) {
    requeue(tx, task, now, event, error, retryTime);
    if (args.counts) task.failures += 1;
  } else {
    failEvent(tx, task, now, event, EventState.DEAD_LETTERED, error);
    giveUp(tx, task, now, error);
  }
  saveTask(tx.sql, task);
}

function finalState(handler: Handler | null, outcome: Outcome) {
  if (handler === Handler.TASK_CANCEL) return { state: TaskState.CANCELLED };
  const reason =
    outcome.kind !== "continue" && outcome.reason !== undefined ? { reason: outcome.reason } : {};
  if (outcome.kind === "fail") return { state: TaskState.FAILED, error: outcome.error, ...reason };
  return { state: TaskState.COMPLETED, ...reason };
}

function writeState(tx: Tx, task: TaskRow, changes: CommitTurn["changes"]): void {
  const entries = Object.entries(changes);
  for (const [key, value] of entries) {
    if (value === null) tx.sql.run`delete from task_state where task_id = ${task.id} and key = ${key}`;
    else
      tx.sql
        .run`insert or replace into task_state (task_id, key, value) values (${task.id}, ${key}, ${value})`;
  }
  if (entries.length > 0) task.revision += 1;
}
