import { EventState, Handler, TaskState } from "../../src/proto.ts";
import type { TakeEvents, TurnSource } from "../../src/server/store/calls.ts";
import type { Millis } from "../../src/server/store/records.ts";
import { ended, type Model, type ModelEvent, type ModelTask, type Work, waiting, workOf } from "./state.ts";

/** Since ever. */
const always = Number.NEGATIVE_INFINITY;

/** A turn that is or will be due. */
interface Due {
  time: Millis;
  work: Work;
}

/** When the next turn of a task is due, if one ever is as things stand. */
export function dueTime(task: ModelTask, now: Millis): Millis | undefined {
  const times = candidates(task, now).map(({ time }) => time);
  return times.length === 0 ? undefined : Math.min(...times);
}

/** Starts the turn that is due for a task, if one is. */
export function start(task: ModelTask, { owner, agents }: TurnSource, now: Millis, forced: boolean): object {
  if (!agents.includes(task.agent.name)) return {};
  const due = candidates(task, now).find(({ time }) => time <= now);
  const later = dueTime(task, now);
  if (due === undefined) return later === undefined ? {} : { dueTime: later };

  const { work } = due;
  if (!task.works.includes(work)) {
    if (work.events.length > 0 && !isPutOff(task, now)) task.hold = undefined;
    task.works.push(work);
    task.forced = forced;
  }
  task.turns += 1;
  work.attempt += 1;
  work.turn = { number: task.turns, owner, revision: task.revision, taken: [] };
  for (const event of work.events) process(event, work.attempt);
  const { handler, attempt, failures } = work;
  return {
    ...{ turn: task.turns, handler, attempt, failures, values: { ...task.values } },
    events: work.events.map(({ id }) => id),
    hops: Math.max(0, ...work.events.map(({ hops }) => hops)),
  };
}

/** Draws events into a running turn. */
export function take(model: Model, args: TakeEvents): object {
  const { task, turn } = workOf(model, args);
  if (task.state !== TaskState.ACTIVE) return { taken: [] };
  const drawn = waiting(task).filter(({ steer }) => steer || !args.steering);
  const taken = drawn.slice(0, args.limit);
  turn.taken.push(...taken);
  for (const event of taken) process(event, event.attempt + 1);
  return { taken: taken.map(({ id }) => id) };
}

function process(event: ModelEvent, attempt: number): void {
  Object.assign(event, { state: EventState.PROCESSING, attempt });
}

/** The turns that could be started, now or later, those that go first before others. */
function candidates(task: ModelTask, now: Millis): Due[] {
  if (ended(task) || task.state === TaskState.INPUT_REQUIRED) return [];
  const place = ({ events: [event] }: Work) => (event === undefined ? 0 : task.events.indexOf(event));
  const retried = task.works
    .filter(({ turn }) => turn === undefined)
    .sort((one, other) => place(one) - place(other));
  const again = retried.map((work) => ({ time: work.due, work }));
  const fresh = freshWork(task, now);
  return fresh === undefined ? again : [...again, fresh];
}

function freshWork(task: ModelTask, now: Millis): Due | undefined {
  const idle = task.works.length === 0;
  const { state } = task;
  if (state === TaskState.CANCELLING || state === TaskState.PENDING) {
    const handler = state === TaskState.PENDING ? Handler.TASK_CREATE : Handler.TASK_CANCEL;
    return idle ? { time: always, work: newWork(handler, [], now) } : undefined;
  }
  if (state !== TaskState.ACTIVE || task.works.length >= task.agent.parallel) return undefined;

  const waits = waiting(task);
  if (waits.length === 0) return undefined;
  const { batch } = task.agent;
  const handler = batch === undefined ? Handler.TASK_EVENT_SEND : Handler.TASK_EVENT_BATCH;
  const { hold } = task;
  const workOn = (events: ModelEvent[]) => newWork(handler, events.slice(0, batch?.max ?? 1), now);
  if (hold === undefined || !isLeft(task)) return { time: gathered(task, waits), work: workOn(waits) };
  if (!isPutOff(task, now)) return { time: always, work: workOn(waits) };
  // What is put off is passed by others that go ahead.
  const others = waits.filter((event) => event.ahead && !hold.left.includes(event));
  if (others.length > 0) return { time: always, work: workOn(others) };
  return hold.untilTime === Number.POSITIVE_INFINITY
    ? undefined
    : { time: hold.untilTime, work: workOn(waits) };
}

/** Whether some of what a turn has left still waits. */
function isLeft(task: ModelTask): boolean {
  return task.hold?.left.some((event) => waiting(task).includes(event)) ?? false;
}

/** Whether it does, and what the turn asked for has not come. */
function isPutOff(task: ModelTask, now: Millis): boolean {
  const { untilTime = always, untilEvents = 0 } = task.hold ?? {};
  return isLeft(task) && untilTime > now && waiting(task).length < untilEvents;
}

function newWork(handler: Handler, events: ModelEvent[], now: Millis): Work {
  const attempt = Math.max(0, ...events.map(({ attempt }) => attempt));
  return { handler, events, attempt, failures: 0, losses: 0, due: now };
}

/** When a batch is complete. */
function gathered({ agent: { batch } }: ModelTask, waits: ModelEvent[]): Millis {
  if (batch === undefined || waits.length >= batch.max || waits.some(({ ahead }) => ahead)) return always;
  return (waits[0]?.since ?? always) + batch.wait;
}
