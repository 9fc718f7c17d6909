import { EventState, TaskState } from "../src/proto.ts";
import type { CancelEvent, CreateTask, RedriveEvents } from "../src/server/store/calls.ts";
import type { Store } from "../src/server/store/store.ts";
import { create, once, requeue, send } from "./model/accept.ts";
import { commit, fail, recover } from "./model/finish.ts";
import { show } from "./model/output.ts";
import { start, take } from "./model/start.ts";
import { closed, ended, find, inState, type Model, refuse, waiting, workOf } from "./model/state.ts";
import { cancel, forget, interrupt } from "./model/stop.ts";
import { fire } from "./model/timers.ts";

type Method =
  | "createTask"
  | "sendEvent"
  | "cancelEvent"
  | "redriveEvents"
  | "interruptTask"
  | "cancelTask"
  | "deleteTask"
  | "startTurn"
  | "recoverTurns"
  | "takeEvents"
  | "appendOutput"
  | "commitTurn"
  | "failTurn"
  | "fireTimers";

/** A call of a store, to be made on the model too. */
export type Call = { [M in Method]: { method: M; args: Parameters<Store[M]>[0] } }[Method];

/** What the log's end of each task is known to be. */
export type Sequences = ReadonlyMap<string, number>;

/** Makes a call on the model. Returns the essence of its answer, or throws a TaskError, the model then being as good as lost. */
export function apply(model: Model, { method, args }: Call, sequences: Sequences): object {
  switch (method) {
    case "createTask":
      return withTurn(model, args, () => once(model, "", args.request, () => create(model, args)));
    case "sendEvent":
      find(model, args.taskId);
      return withTurn(model, args, () =>
        once(model, args.taskId, args.request, () => send(model, args, sequences.get(args.taskId))),
      );
    case "cancelEvent":
      return cancelEvent(model, args);
    case "redriveEvents":
      return redrive(model, args);
    case "interruptTask": {
      const task = find(model, args.taskId);
      return once(model, task.id, args.request, () => {
        if (closed(task)) refuse("TASK_FINISHED");
        return { task: task.id, interrupted: interrupt(model, task) };
      });
    }
    case "cancelTask": {
      const task = find(model, args.taskId);
      return once(model, task.id, args.request, () => {
        if (ended(task) && task.state !== TaskState.CANCELLED) refuse("TASK_FINISHED");
        cancel(model, task, args.reason, args.now);
        return { task: task.id, state: task.state, cancellation: { ...task.cancellation } };
      });
    }
    case "deleteTask":
      if (!ended(find(model, args.taskId))) refuse("TASK_UNFINISHED");
      forget(model, args.taskId);
      return {};
    case "startTurn": {
      const task = model.tasks.find(({ id }) => id === args.taskId);
      return task === undefined ? {} : start(task, args, args.now, args.forced);
    }
    case "recoverTurns":
      return recover(model, args);
    case "takeEvents":
      return take(model, args);
    case "appendOutput": {
      const { task, work } = workOf(model, args);
      show(task, work, args.output, args.now);
      return {};
    }
    case "commitTurn":
      return commit(model, args);
    case "failTurn":
      return fail(model, args);
    case "fireTimers":
      return fire(model, args);
  }
}

/** Adds the turn that is started with what was accepted: not for a task that was there before, or a request that was answered before. */
function withTurn(
  model: Model,
  { taskId, next, now }: Pick<CreateTask, "taskId" | "next" | "now">,
  accept: () => { task: string; duplicate: boolean },
): object {
  const before = model.stopped.length;
  const answer = accept();
  const task = model.tasks.find(({ id }) => id === taskId);
  const stops = model.stopped.slice(before).some((turn) => turn.taskId === taskId);
  if (next === undefined || answer.duplicate || task === undefined || stops) return answer;
  const started = start(task, next, now, false);
  return Object.keys(started).length === 0 ? answer : { ...answer, started };
}

function cancelEvent(model: Model, { taskId, eventId }: CancelEvent): object {
  const task = find(model, taskId);
  const event = task.events.find(({ id }) => id === eventId) ?? refuse("EVENT_NOT_FOUND");
  // What has closed a question stays.
  const back = event.state === EventState.SCHEDULED || (waiting(task).includes(event) && !event.first);
  if (!back && event.state !== EventState.DROPPED) refuse("EVENT_STATE");
  event.state = EventState.DROPPED;
  return { event: event.id, state: event.state };
}

function redrive(model: Model, { taskId, eventId, now }: RedriveEvents): object {
  const task = find(model, taskId);
  if (closed(task)) refuse("TASK_FINISHED");
  const dead = inState(task, EventState.DEAD_LETTERED);
  const named = task.events.find(({ id }) => id === eventId);
  if (eventId !== undefined && named === undefined) refuse("EVENT_NOT_FOUND");
  if (named !== undefined && !dead.includes(named)) refuse("EVENT_STATE");

  const wanted = named === undefined ? dead : [named];
  const waits = inState(task, EventState.QUEUED, EventState.SCHEDULED).length;
  const room = Math.max(task.state === TaskState.PAUSED ? 1 : 0, task.agent.maxPending - waits);
  if (wanted.length > 0 && room === 0) refuse("MAILBOX_FULL");
  const back = wanted.slice(0, room);
  for (const event of back) {
    requeue(task, event, now);
    Object.assign(event, { attempt: 0, error: undefined, steer: false, ahead: false, first: false });
  }
  task.paused = false;
  if (task.state === TaskState.PAUSED) task.state = TaskState.ACTIVE;
  return { task: task.id, state: task.state, redriven: back.length };
}
