import { EventState, Handler, TaskState } from "../../../proto.ts";
import type { Failure, Millis, StartTurn, StartTurnResult, TurnSource } from "../records.ts";
import { failEvent, giveUp, moveEvent, supersedeTurn, turnEvent } from "./end-work.ts";
import type { Tx } from "./log.ts";
import { readState } from "./reads.ts";
import { type EventRow, eventRecord, loadTask, saveTask, setDue, type TaskRow, taskRecord } from "./rows.ts";

/** See Store.startTurn. */
export function startTurn(tx: Tx, args: StartTurn): StartTurnResult {
  const task = loadTask(tx.sql, args.taskId);
  if (task === undefined || !args.agents.includes(task.agent) || task.turn_owner === args.owner) return {};
  if (task.turn_owner !== null) recover(tx, task, args.now, args.maxLosses);
  const result = startNext(tx, task, args.now, args);
  saveTask(tx.sql, task);
  return result;
}

/** Starts the turn that is due, on a task that runs none. The caller saves the task. */
export function startNext(tx: Tx, task: TaskRow, now: Millis, source: TurnSource): StartTurnResult {
  if (task.due_at === null) return {};
  if (task.due_at > now) return { dueTime: task.due_at };
  const handler = handlerFor(task.state);
  const event = handler === Handler.TASK_EVENT_SEND ? oldestQueued(tx, task) : undefined;
  if (handler === undefined || (handler === Handler.TASK_EVENT_SEND && event === undefined)) {
    setDue(tx.sql, task, null);
    return {};
  }
  task.turn += 1;
  task.turn_owner = source.owner;
  task.turn_handler = handler;
  task.turn_event = event?.sequence ?? null;
  task.turn_began = task.sequence;
  task.attempt += 1;
  if (event !== undefined) {
    task.processing_id = event.id;
    task.pending -= 1;
    event.attempt = task.attempt;
    moveEvent(tx, task, now, event, EventState.PROCESSING);
  }
  return {
    turn: {
      turn: task.turn,
      handler,
      task: taskRecord(tx.sql, task),
      ...(event && { event: eventRecord(event) }),
      attempt: task.attempt,
      failures: task.failures,
      state: readState(tx, task),
    },
  };
}

/** Puts the event of a turn that ended without effect back to the head of the mailbox, due at a time. The caller saves the task. */
export function requeue(
  tx: Tx,
  task: TaskRow,
  now: Millis,
  event: EventRow | undefined,
  error: Failure,
  dueTime: Millis,
) {
  failEvent(tx, task, now, event, EventState.QUEUED, error);
  if (event !== undefined) task.pending += 1;
  setDue(tx.sql, task, dueTime);
}

/** Takes a turn from an owner that is gone: its work is due again, or given up if it was lost too often. */
function recover(tx: Tx, task: TaskRow, now: Millis, maxLosses: number): void {
  const event = turnEvent(tx, task);
  const error: Failure = { reason: "TURN_LOST", message: "the process that ran the turn is gone" };
  const losses = task.losses + 1;
  const again = losses <= maxLosses;
  supersedeTurn(tx, task, now, error, again ? now : undefined);
  if (again) {
    requeue(tx, task, now, event, error, now);
    task.losses = losses;
    return;
  }
  failEvent(tx, task, now, event, EventState.DEAD_LETTERED, error);
  giveUp(tx, task, now, { ...error, message: `${error.message}, for the ${losses}th time` });
}

function handlerFor(state: TaskState): Handler | undefined {
  switch (state) {
    case TaskState.CANCELLING:
      return Handler.TASK_CANCEL;
    case TaskState.PENDING:
      return Handler.TASK_CREATE;
    case TaskState.ACTIVE:
      return Handler.TASK_EVENT_SEND;
    default:
      return undefined;
  }
}

function oldestQueued(tx: Tx, task: TaskRow): EventRow | undefined {
  return tx.sql.one<EventRow>`select e.*, l.content from events e
    join log l on l.task_id = e.task_id and l.sequence = e.sequence
    where e.task_id = ${task.id} and e.sequence > ${task.cursor} and e.state = ${EventState.QUEUED}
    order by e.sequence limit 1`;
}
