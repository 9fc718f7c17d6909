import { TaskState } from "../../../proto.ts";
import { TaskError, taskFinished } from "../../errors.ts";
import type { CreatedTask, CreateTask, EventRecord, Millis } from "../records.ts";
import { acceptEvent, acceptedEvent } from "./accept-event.ts";
import { logTask, type Tx } from "./log.ts";
import { findAnswer, keepAnswer } from "./requests.ts";
import { requireTask, saveTask, snapshotOf, type TaskRow, type TaskSnapshot, taskRecord } from "./rows.ts";

interface Answer {
  taskId: string;
  snapshot: TaskSnapshot;
  created: boolean;
  event?: { id: string; sequence: number; time: Millis };
}

/** See Store.createTask. */
export function createTask(tx: Tx, args: CreateTask): CreatedTask {
  const answered = findAnswer<Answer>(tx.sql, "", args.request);
  if (answered !== undefined) return repeat(tx, answered);

  const found = args.name === undefined ? undefined : findByName(tx, args.name, args.agent);
  const task = found ?? insertTask(tx, args);
  const event = args.event && acceptEvent(tx, task, args.now, args.event);
  saveTask(tx.sql, task);
  const created = found === undefined;
  keepAnswer<Answer>(tx.sql, "", args.request, {
    taskId: task.id,
    snapshot: snapshotOf(task),
    created,
    ...(event && { event: { id: event.id, sequence: event.sequence, time: event.createTime } }),
  });
  return answer(taskRecord(tx.sql, task), created, event, false);
}

function findByName(tx: Tx, name: string, agent: string): TaskRow | undefined {
  const found = tx.sql.one<TaskRow>`select * from tasks where name = ${name} and ended_at is null`;
  if (found !== undefined && found.agent !== agent) {
    throw new TaskError(
      "TASK_NAME_TAKEN",
      `the name ${JSON.stringify(name)} is taken by a task of agent ${found.agent}`,
      {
        resource: { type: "task", name },
      },
    );
  }
  return found;
}

function insertTask(tx: Tx, args: CreateTask): TaskRow {
  if (args.parentTaskId !== undefined) requireLivingParent(tx, args.parentTaskId);
  const { now } = args;
  tx.sql
    .run`insert into tasks (id, agent, name, parent_id, labels, state, pending, sequence, created_at, updated_at,
      revision, due_at, cursor, turn, attempt, failures, losses)
    values (${args.taskId}, ${args.agent}, ${args.name}, ${args.parentTaskId}, ${JSON.stringify(args.labels)},
      ${TaskState.PENDING}, 0, 0, ${now}, ${now}, 0, ${now}, 0, 0, 0, 0, 0)`;
  if (args.params !== undefined) {
    tx.sql.run`insert into task_params (task_id, params) values (${args.taskId}, ${args.params})`;
  }
  const task = requireTask(tx.sql, args.taskId);
  logTask(tx, task, now);
  return task;
}

/** Throws TASK_NOT_FOUND, or TASK_FINISHED if the parent was cancelled: its cancellation, which would be the child's too, is past. */
function requireLivingParent(tx: Tx, id: string): void {
  const { state } = requireTask(tx.sql, id);
  if (state !== TaskState.CANCELLING && state !== TaskState.CANCELLED) return;
  const description = "the parent was cancelled, and its children with it";
  throw taskFinished(id, TaskState[state], description, "the parent task");
}

function repeat(tx: Tx, answered: Answer): CreatedTask {
  const task = taskRecord(tx.sql, requireTask(tx.sql, answered.taskId), answered.snapshot);
  const { event } = answered;
  const accepted = event && acceptedEvent(answered.taskId, event.sequence, event.time, event.id);
  return answer(task, answered.created, accepted, true);
}

function answer(
  task: CreatedTask["task"],
  created: boolean,
  event: EventRecord | undefined,
  duplicate: boolean,
) {
  return { task, created, ...(event && { event }), duplicate };
}
