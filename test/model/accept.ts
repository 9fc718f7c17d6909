import { isDeepStrictEqual } from "node:util";
import { EventState, TaskState } from "../../src/proto.ts";
import type { CreateTask, NewEvent, RequestKey, SendEvent } from "../../src/server/store/calls.ts";
import type { Millis } from "../../src/server/store/records.ts";
import {
  closed,
  closeQuestion,
  ended,
  find,
  inState,
  type Model,
  type ModelEvent,
  type ModelTask,
  newEvent,
  newTask,
  refuse,
  waiting,
} from "./state.ts";
import { interrupt } from "./stop.ts";

/** G8. */
export function once(
  model: Model,
  scope: string,
  key: RequestKey | undefined,
  first: () => { task: string },
): { task: string; duplicate: boolean } {
  const known = model.requests.find((request) => request.scope === scope && request.key.id === key?.id);
  if (known !== undefined && !isDeepStrictEqual(known.key, key)) refuse("REQUEST_ID_REUSED");
  if (known !== undefined) return { task: known.taskId, ...known.answer, duplicate: true };
  const answer = first();
  if (key !== undefined) model.requests.push({ scope, key, taskId: answer.task, answer });
  return { ...answer, duplicate: false };
}

export function create(model: Model, args: Omit<CreateTask, "request" | "next">): { task: string } {
  if ((args.expireTime ?? args.now) < args.now) refuse("FIELD_INVALID");
  const named = model.tasks.find((task) => task.name === args.name && !ended(task));
  const found = args.name === undefined ? undefined : named;
  if (found !== undefined && found.agent.name !== args.agent) refuse("TASK_NAME_TAKEN");
  const task = found ?? makeTask(model, args);
  const event = args.event && accept(model, task, args.event, args.now);
  if (found === undefined) model.tasks.push(task);
  return { task: task.id, ...{ created: found === undefined, event: event?.id } };
}

function makeTask(model: Model, { taskId, agent: name, parentTaskId, ...args }: Omit<CreateTask, "request">) {
  const agent = model.agents.find((agent) => agent.name === name) ?? refuse("AGENT_NOT_FOUND");
  const parent = parentTaskId === undefined ? undefined : find(model, parentTaskId);
  const stopped = [TaskState.CANCELLING, TaskState.CANCELLED, TaskState.TIMED_OUT];
  if (parent !== undefined && stopped.includes(parent.state)) refuse("TASK_FINISHED");
  const task = newTask(taskId, agent, { name: args.name, parent, expireTime: args.expireTime });
  if (task.depth >= 16) refuse("FAN_OUT_EXCEEDED");
  return task;
}

export function send(model: Model, args: Omit<SendEvent, "request">, sequence: number | undefined) {
  const task = find(model, args.taskId);
  if (closed(task)) refuse("TASK_FINISHED");
  if (args.expectedSequence !== undefined && args.expectedSequence !== sequence) refuse("SEQUENCE_MISMATCH");
  const { id, state } = accept(model, task, args.event, args.now);
  return { task: task.id, event: id, state };
}

/** Puts an event into a mailbox. */
export function accept(model: Model, task: ModelTask, args: NewEvent, now: Millis): ModelEvent {
  if (closed(task)) refuse("TASK_FINISHED");
  const { onBusy = "queue", answers } = args;
  const { id: asked, expireTime = Number.POSITIVE_INFINITY } = task.question ?? {};
  if (answers !== undefined && (answers !== asked || now >= expireTime)) refuse("QUESTION_CLOSED");
  const busy = task.works.length > 0 || waiting(task).length > 0;
  if (onBusy === "reject" && busy) refuse("TASK_BUSY");
  const waits = inState(task, EventState.QUEUED, EventState.SCHEDULED);
  if (answers === undefined && waits.length >= task.agent.maxPending) refuse("MAILBOX_FULL");

  const event = { ...newEvent(args.id, onBusy, answers !== undefined, now), hops: args.hops ?? 0 };
  if (answers !== undefined) closeQuestion(task);
  else if (args.deliverTime !== undefined && args.deliverTime > now) {
    Object.assign(event, { state: EventState.SCHEDULED, deliverTime: args.deliverTime });
  }
  if (event.interrupts && event.state === EventState.QUEUED) interrupt(model, task);
  task.events.push(event);
  return event;
}

/** Puts an event at the end of the mailbox, under a new sequence. */
export function requeue(task: ModelTask, event: ModelEvent, now: Millis): void {
  task.events = [...task.events.filter((other) => other !== event), event];
  Object.assign(event, { state: EventState.QUEUED, since: now });
}
