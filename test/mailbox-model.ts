import { isDeepStrictEqual } from "node:util";
import { EventState, Handler, MessageState, TaskState } from "../src/proto.ts";
import { type Reason, TaskError } from "../src/server/errors.ts";
import type { AppendOutput, Failure, Millis, RequestKey, TurnSource } from "../src/server/store/records.ts";
import type { Store } from "../src/server/store/store.ts";

type Method =
  | "createTask"
  | "sendEvent"
  | "cancelTask"
  | "startTurn"
  | "appendOutput"
  | "commitTurn"
  | "failTurn";

/** A call of a store, to be made on the model too. */
export type Call = { [M in Method]: { method: M; args: Parameters<Store[M]>[0] } }[Method];

export interface ModelEvent {
  id: string;
  state: EventState;
  attempt: number;
  lastError?: Failure;
}

export interface ModelMessage {
  id: string;
  turn: number;
  eventId: string | undefined;
  attempt: number;
  state: MessageState;
  text: string;
}

export interface ModelTask {
  id: string;
  name: string | undefined;
  parent: string | undefined;
  state: TaskState;
  statusReason?: string | undefined;
  error?: Failure;
  events: ModelEvent[];
  messages: ModelMessage[];
  values: Record<string, string>;
  revision: number;
  due: Millis | undefined;
  turns: number;
  running?: { owner: string; handler: Handler; event: ModelEvent | undefined } | undefined;
  attempt: number;
  failures: number;
  losses: number;
}

/** Tasks and their mailboxes as the Store interface describes them, for reading: in plain arrays, one call after the other. */
export interface Model {
  maxPending: number;
  tasks: ModelTask[];
  requests: { scope: string; key: RequestKey; answer: object }[];
}

/** Makes a call on the model. Returns the essence of its answer, or throws a TaskError and changes nothing. */
export function apply(model: Model, { method, args }: Call): object {
  switch (method) {
    case "createTask":
      return once(model, "", args.request, () => {
        const found = model.tasks.find(
          (task) => task.name === args.name && args.name !== undefined && !ended(task),
        );
        if (found === undefined && args.parentTaskId !== undefined) {
          const { state } = find(model, args.parentTaskId);
          if (state === TaskState.CANCELLING || state === TaskState.CANCELLED) refuse("TASK_FINISHED");
        }
        const task = found ?? newTask(args.taskId, args.name, args.parentTaskId, args.now);
        if (args.event !== undefined) accept(model, task, args.event.id, args.now);
        if (found === undefined) model.tasks.push(task);
        return { task: task.id, created: found === undefined, event: args.event?.id };
      });
    case "sendEvent":
      return once(model, args.taskId, args.request, () => {
        accept(model, find(model, args.taskId), args.event.id, args.now);
        return { event: args.event.id };
      });
    case "cancelTask":
      return once(model, args.taskId, args.request, () => {
        const task = find(model, args.taskId);
        if (ended(task) && task.state !== TaskState.CANCELLED) refuse("TASK_FINISHED");
        return { task: task.id, cancelled: cancel(model, task, args.reason, args.now).sort() };
      });
    case "startTurn": {
      const task = model.tasks.find(({ id }) => id === args.taskId);
      if (task === undefined || task.running?.owner === args.owner) return {};
      if (task.running !== undefined) {
        const error: Failure = { reason: "TURN_LOST", message: "" };
        task.losses += 1;
        if (task.losses <= args.maxLosses) putBack(task, error, args.now);
        else giveUp(task, error);
      }
      return start(task, args, args.now);
    }
    case "appendOutput":
      show(turnOf(model, args), args.output);
      return {};
    case "commitTurn": {
      const task = turnOf(model, args);
      const { handler, event } = task.running ?? refuse("TURN_OVER");
      const { changes, outcome } = args;
      show(task, args.output);
      for (const [key, value] of Object.entries(changes)) {
        if (value === null) delete task.values[key];
        else task.values[key] = value;
      }
      if (Object.keys(changes).length > 0) task.revision += 1;
      if (event !== undefined) event.state = EventState.PROCESSED;
      endWork(task);
      if (handler === Handler.TASK_CREATE) task.state = TaskState.ACTIVE;
      task.due = waiting(task).length > 0 ? args.now : undefined;
      if (handler === Handler.TASK_CANCEL) end(task, TaskState.CANCELLED);
      else if (outcome.kind === "complete") end(task, TaskState.COMPLETED);
      else if (outcome.kind === "fail") end(task, TaskState.FAILED, outcome.error);
      return args.next === undefined ? {} : start(task, args.next, args.now);
    }
    case "failTurn": {
      const task = turnOf(model, args);
      if (args.retryTime === undefined) giveUp(task, args.error);
      else {
        putBack(task, args.error, args.retryTime);
        if (args.counts) task.failures += 1;
      }
      return {};
    }
  }
}

export function waiting(task: ModelTask): ModelEvent[] {
  return task.events.filter(({ state }) => state === EventState.QUEUED);
}

export function ended({ state }: ModelTask): boolean {
  return state === TaskState.CANCELLED || state === TaskState.COMPLETED || state === TaskState.FAILED;
}

function newTask(id: string, name: string | undefined, parent: string | undefined, now: Millis): ModelTask {
  const work = { turns: 0, attempt: 0, failures: 0, losses: 0 };
  const state = { state: TaskState.PENDING, events: [], messages: [], values: {}, revision: 0 };
  return { id, name, parent, due: now, ...state, ...work };
}

/** G8. */
function once(model: Model, scope: string, key: RequestKey | undefined, first: () => object): object {
  const known = model.requests.find((request) => request.scope === scope && request.key.id === key?.id);
  if (known !== undefined && !isDeepStrictEqual(known.key, key)) refuse("REQUEST_ID_REUSED");
  if (known !== undefined)
    return { ...known.answer, ...("cancelled" in known.answer && { cancelled: [] }), duplicate: true };
  const answer = first();
  if (key !== undefined) model.requests.push({ scope, key, answer });
  return { ...answer, duplicate: false };
}

function accept(model: Model, task: ModelTask, id: string, now: Millis): void {
  if (task.state !== TaskState.PENDING && task.state !== TaskState.ACTIVE) refuse("TASK_FINISHED");
  if (waiting(task).length >= model.maxPending) refuse("MAILBOX_FULL");
  task.events.push({ id, state: EventState.QUEUED, attempt: 0 });
  task.due ??= now;
}

function start(task: ModelTask, { owner }: TurnSource, now: Millis): object {
  if (task.due === undefined) return {};
  if (task.due > now) return { dueTime: task.due };
  const cancelling = task.state === TaskState.CANCELLING;
  const event = task.state === TaskState.ACTIVE ? waiting(task)[0] : undefined;
  const handler = cancelling ? Handler.TASK_CANCEL : event ? Handler.TASK_EVENT_SEND : Handler.TASK_CREATE;
  task.turns += 1;
  task.attempt += 1;
  task.running = { owner, handler, event };
  if (event !== undefined) Object.assign(event, { state: EventState.PROCESSING, attempt: task.attempt });
  const { turns: turn, attempt, failures, values } = task;
  return { turn, handler, event: event?.id, attempt, failures, values: { ...values } };
}

/** Fences (G3, G5). */
function turnOf(model: Model, { taskId, turn }: { taskId: string; turn: number }): ModelTask {
  const task = model.tasks.find(({ id }) => id === taskId);
  if (task?.running === undefined || task.turns !== turn) return refuse("TURN_OVER");
  return task;
}

function show(task: ModelTask, output: AppendOutput["output"]): void {
  const shown = (id: string) => task.messages.find((message) => message.id === id);
  for (const entry of output) {
    if (entry.kind === "message") {
      const state = entry.done ? MessageState.DONE : MessageState.STREAMING;
      const text = new TextDecoder().decode(entry.content);
      const { turns: turn, attempt } = task;
      task.messages.push({ id: entry.id, turn, eventId: task.running?.event?.id, attempt, state, text });
    } else if (entry.kind === "delta") {
      const message = shown(entry.delta.messageId);
      if (message !== undefined) message.text += entry.delta.text;
    } else {
      const message = shown(entry.id);
      if (message !== undefined) message.state = MessageState.DONE;
    }
  }
}

/** Ends the running turn without effect. */
function supersede(task: ModelTask): ModelEvent | undefined {
  if (task.running === undefined) return undefined;
  const { event } = task.running;
  task.messages = task.messages.filter(({ turn }) => turn !== task.turns);
  task.running = undefined;
  return event;
}

function putBack(task: ModelTask, error: Failure, due: Millis): void {
  const event = supersede(task);
  if (event !== undefined) Object.assign(event, { state: EventState.QUEUED, lastError: error });
  task.due = due;
}

function giveUp(task: ModelTask, error: Failure): void {
  const event = supersede(task);
  if (event !== undefined) Object.assign(event, { state: EventState.DEAD_LETTERED, lastError: error });
  end(task, task.state === TaskState.CANCELLING ? TaskState.CANCELLED : TaskState.FAILED, error);
}

function end(task: ModelTask, state: TaskState, error?: Failure): void {
  for (const event of waiting(task)) event.state = EventState.DROPPED;
  endWork(task);
  task.state = state;
  task.due = undefined;
  if (error !== undefined) task.error = error;
}

function endWork(task: ModelTask): void {
  Object.assign(task, { running: undefined, attempt: 0, failures: 0, losses: 0 });
}

function cancel(model: Model, task: ModelTask, reason: string | undefined, now: Millis): string[] {
  const cancelled: string[] = [];
  if (task.state === TaskState.PENDING || task.state === TaskState.ACTIVE) {
    const event = supersede(task);
    if (event !== undefined) event.state = EventState.DROPPED;
    end(task, TaskState.CANCELLING);
    task.statusReason = reason;
    task.due = now;
    cancelled.push(task.id);
  }
  const children = model.tasks.filter(({ parent }) => parent === task.id);
  return [
    ...cancelled,
    ...children.flatMap((child) => cancel(model, child, "its parent was cancelled", now)),
  ];
}

function find(model: Model, id: string): ModelTask {
  return model.tasks.find((task) => task.id === id) ?? refuse("TASK_NOT_FOUND");
}

function refuse(reason: Reason): never {
  throw new TaskError(reason, reason);
}
