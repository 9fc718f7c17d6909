import { agentNotFound, TaskError, taskFinished } from "../../errors.ts";
import type { CreatedTask, CreateTask } from "../calls.ts";
import type { EventRecord } from "../records.ts";
import { nameOf, TaskState } from "../states.ts";
import { type AcceptedRow, acceptEvent, acceptedEvent } from "./accept-event.ts";
import { logTask } from "./log.ts";
import { policyOf } from "./policies.ts";
import { createScope, findAnswer, keepAnswer } from "./requests.ts";
import { snapshotOf, type TaskRow, type TaskSnapshot, taskRecord } from "./rows.ts";
import { startAtOnce } from "./start-turn.ts";
import { setTimer } from "./timers.ts";
import { loadTask, readTaskOf, requireTask, type Tx } from "./tx.ts";

/** The most unfinished children of a task, and how many parents above one are too many. */
const maxChildren = 10_000;
const maxDepth = 16;

interface Answer {
  taskId: string;
  snapshot: TaskSnapshot;
  created: boolean;
  event?: AcceptedRow;
}

/** See Store.createTask. */
export function createTask(tx: Tx, args: CreateTask): CreatedTask {
  const scope = createScope(args.creator);
  const before = findAnswer<Answer>(tx.sql, scope, args.request);
  if (before !== undefined) return repeat(tx, before);
  if (args.served === false) throw agentNotFound(args.agent);
  requireAhead(args);

  const { task, created } = findOrInsert(tx, args);
  const event = args.event && acceptEvent(tx, task, args.now, args.event);
  keepAnswer<Answer>(tx.sql, { scope, taskId: task.id }, args.request, {
    taskId: task.id,
    snapshot: snapshotOf(task),
    created,
    ...(event && { event: acceptedRow(event) }),
  });
  const answered = answer(taskRecord(tx.sql, task), created, event, false);
  return created ? { ...answered, ...startAtOnce(tx, task, args.now, args.next) } : answered;
}

/** A request that was answered before its time passed is answered the same; a new one makes no sense any more. */
function requireAhead({ expireTime, now }: CreateTask): void {
  if (expireTime === undefined || expireTime >= now) return;
  const fields = [{ field: "expire_time", description: "must not have passed" }];
  throw new TaskError("FIELD_INVALID", "expire_time: must not have passed", { fields });
}

/** Finds its owner's unfinished task of a name, or makes the task. Throws TASK_NAME_TAKEN, or what its parent does not allow. */
export function findOrInsert(tx: Tx, args: CreateTask): { task: TaskRow; created: boolean } {
  const found =
    args.name === undefined ? undefined : findByName(tx, args.name, ownerOf(tx, args), args.agent);
  return found === undefined
    ? { task: insertTask(tx, args), created: true }
    : { task: found, created: false };
}

/** The owner of a task that is to be made. */
function ownerOf(tx: Tx, { parentTaskId, creator = "" }: CreateTask): string {
  return (parentTaskId === undefined ? undefined : loadTask(tx, parentTaskId))?.owner ?? creator;
}

function findByName(tx: Tx, name: string, owner: string, agent: string): TaskRow | undefined {
  const found = tx.sql.one<{ id: string }>`select id from tasks
    where name = ${name} and owner = ${owner} and ended_at is null`;
  const task = found && loadTask(tx, found.id);
  if (task !== undefined && task.agent !== agent) throw nameTaken(name, task);
  return task;
}

/** Makes the error for a name that an unfinished task has. */
export function nameTaken(name: string, task: TaskRow): TaskError {
  const message = `the name ${JSON.stringify(name)} is taken by a task of agent ${task.agent}`;
  return new TaskError("TASK_NAME_TAKEN", message, { resource: { type: "task", name } });
}

function insertTask(tx: Tx, args: CreateTask): TaskRow {
  const { now, taskId, agent, expireTime, reachedTasks } = args;
  if (reachedTasks !== undefined) throw tooManyTasks(reachedTasks);
  const parent = args.parentTaskId === undefined ? undefined : requireTask(tx, args.parentTaskId);
  if (parent !== undefined) takeChild(parent);
  const state = policyOf(tx.sql, agent).startsActive === true ? TaskState.ACTIVE : TaskState.PENDING;
  tx.sql
    .run`insert into tasks (id, owner, agent, name, parent_id, depth, children, labels, state, sequence, created_at,
      updated_at, revision, waiting, ahead, held, scheduled, dead, cursor, in_hand, retrying, paused, turn, expire_at,
      trace)
    values (${taskId}, ${parent?.owner ?? args.creator ?? ""}, ${agent}, ${args.name}, ${args.parentTaskId}, ${(parent?.depth ?? -1) + 1}, 0,
      ${JSON.stringify(args.labels)}, ${state}, 0, ${now}, ${now}, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ${expireTime},
      ${args.trace})`;
  if (args.params !== undefined) {
    tx.sql.run`insert into task_params (task_id, params) values (${taskId}, ${args.params})`;
  }
  if (expireTime !== undefined) setTimer(tx, expireTime, taskId, "expire");
  const task = requireTask(tx, taskId);
  logTask(tx, task, now);
  return task;
}

function tooManyTasks(count: number): TaskError {
  return new TaskError(
    "LIMIT_REACHED",
    `there are ${count} unfinished tasks, as many as one caller may have`,
    {
      metadata: { limit: "tasks", max_tasks: String(count) },
      retryAfter: 1000,
    },
  );
}

/**
 * Counts a child of a task. Throws TASK_FINISHED if the task was cancelled: its cancellation, which would be the child's too, is past; or
 * FAN_OUT_EXCEEDED.
 */
function takeChild(parent: TaskRow): void {
  const { id, state, depth, children } = parent;
  if (state === TaskState.CANCELLING || state === TaskState.CANCELLED || state === TaskState.TIMED_OUT) {
    const description = "the parent was cancelled, and its children with it";
    throw taskFinished(id, nameOf(TaskState, state), description, "the parent task");
  }
  if (depth + 1 >= maxDepth) {
    throw new TaskError("FAN_OUT_EXCEEDED", `fewer than ${maxDepth} parents may be above a task`, {
      metadata: { max_depth: String(maxDepth) },
    });
  }
  if (children >= maxChildren) {
    throw new TaskError(
      "FAN_OUT_EXCEEDED",
      `task ${id} has ${children} unfinished children, as many as it may`,
      {
        metadata: { max_children: String(maxChildren) },
      },
    );
  }
  parent.children += 1;
}

function acceptedRow(event: EventRecord): AcceptedRow {
  const { id, taskId, sequence, onBusy, state, createTime, deliverTime = null } = event;
  const times = { created_at: createTime, deliver_at: deliverTime };
  return { id, task_id: taskId, sequence, on_busy: onBusy, state, ...times };
}

function repeat(tx: Tx, answered: Answer): CreatedTask {
  const task = taskRecord(tx.sql, readTaskOf(tx.sql, answered.taskId), answered.snapshot);
  return answer(task, answered.created, answered.event && acceptedEvent(answered.event), true);
}

function answer(
  task: CreatedTask["task"],
  created: boolean,
  event: EventRecord | undefined,
  duplicate: boolean,
) {
  return { task, created, ...(event && { event }), duplicate };
}
