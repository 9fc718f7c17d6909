import { EventState, Handler, TaskState } from "../../../src/proto.ts";
import type { FollowUp, NewEvent, StartTurnResult } from "../../../src/server/store/calls.ts";
import type { Store } from "../../../src/server/store/store.ts";

/** An event, in the order in which it came into its mailbox. */
interface Item {
  id: string;
  policy: string;
  state: EventState;
  order: number;
  deliverTime: number;
}

/** What is in hand: a handler, for events, in a turn of an owner, or to be run again at a time. */
interface Work {
  handler: Handler;
  events: Item[];
  taken: Item[];
  turn?: { number: number; owner: string } | undefined;
  due: number;
}

interface Task {
  id: string;
  parent: string | undefined;
  state: TaskState;
  turns: number;
  items: Item[];
  work?: Work | undefined;
}

type Args<M extends keyof Store> = Store[M] extends (args: infer A) => unknown ? A : never;

/** What a call that came to be is expected to answer, as far as the reference knows. */
export type Expected = object | "TURN_OVER" | "TASK_FINISHED" | undefined;

/**
 * What a mailbox is, in the fewest words: the events of a task are handled in the order in which they came, those that go ahead before others,
 * one at a time and never before onTaskCreate; a turn that is over has no effect; what a turn did not end is handled again; cancelling ends it
 * all. It is told of each call in the order in which they took effect. It knows agents with plain rules: one turn at a time, no batches.
 */
export function createReferenceMailbox() {
  const tasks = new Map<string, Task>();
  const answered = new Set<string>();
  let order = 0;

  const calls = {
    createTask: ({ taskId, parentTaskId, event, request, now }: Args<"createTask">) =>
      once(`/${request?.id}`, () => create(taskId, parentTaskId, event, now)),
    sendEvent({ taskId, event, request, now }: Args<"sendEvent">) {
      const task = tasks.get(taskId);
      if (task === undefined) return undefined;
      if (isClosed(task) && !answered.has(`${taskId}/${request?.id}`)) return "TASK_FINISHED";
      return once(`${taskId}/${request?.id}`, () => accept(task, event, now));
    },
    cancelTask({ taskId, request }: Args<"cancelTask">) {
      const task = tasks.get(taskId);
      if (task?.state === TaskState.COMPLETED && !answered.has(`${taskId}/${request?.id}`))
        return "TASK_FINISHED";
      return once(`${taskId}/${request?.id}`, () => task && cancel(task));
    },
    redriveEvents({ taskId }: Args<"redriveEvents">) {
      const task = tasks.get(taskId);
      if (task === undefined || isClosed(task)) return "TASK_FINISHED";
      const dead = inOrder(task, EventState.DEAD_LETTERED);
      for (const item of dead)
        Object.assign(item, { state: EventState.QUEUED, policy: "queue", order: ++order });
      return { redriven: dead.length };
    },
    startTurn: ({ taskId, owner, now }: Args<"startTurn">) => start(tasks.get(taskId), owner, now),
    takeEvents({ taskId, turn, steering, limit }: Args<"takeEvents">) {
      const work = runningOf(taskId, turn);
      if (work === undefined) return "TURN_OVER";
      const waiting = waitingOf(tasks.get(taskId)).filter(({ policy }) => policy === "steer" || !steering);
      const taken = waiting.slice(0, limit);
      work.taken.push(...taken);
      return move(taken, EventState.PROCESSING).map(({ id }) => ({ id }));
    },
    appendOutput: ({ taskId, turn }: Args<"appendOutput">) =>
      runningOf(taskId, turn) ? undefined : "TURN_OVER",
    commitTurn({ taskId, turn, followUps, outcome, next, now }: Args<"commitTurn">) {
      const task = tasks.get(taskId);
      const work = runningOf(taskId, turn);
      if (task === undefined || work === undefined) return "TURN_OVER";
      move([...work.events, ...work.taken], EventState.PROCESSED);
      task.work = undefined;
      for (const followUp of followUps) follow(followUp, now);
      if (work.handler === Handler.TASK_CREATE) task.state = TaskState.ACTIVE;
      if (work.handler === Handler.TASK_CANCEL) end(task, TaskState.CANCELLED, now);
      if (outcome.kind === "complete") end(task, TaskState.COMPLETED, now);
      return next === undefined ? { turn: undefined } : start(task, next.owner, now);
    },
    failTurn({ taskId, turn, retryTime }: Args<"failTurn">) {
      const task = tasks.get(taskId);
      const work = runningOf(taskId, turn);
      if (task === undefined || work === undefined) return "TURN_OVER";
      if (retryTime !== undefined) return putBack(work, retryTime);
      move(work.taken, EventState.QUEUED);
      move(work.events, EventState.DEAD_LETTERED);
      task.work = undefined;
    },
    recoverTurns({ owner, now }: Args<"recoverTurns">) {
      const lost = [...tasks.values()].flatMap(({ work }) =>
        work?.turn && work.turn.owner !== owner ? [work] : [],
      );
      for (const work of lost) putBack(work, now);
    },
    fireTimers({ now }: Args<"fireTimers">) {
      for (const task of tasks.values()) {
        const due = inOrder(task, EventState.SCHEDULED).filter(({ deliverTime }) => deliverTime <= now);
        for (const item of due.sort((a, b) => a.deliverTime - b.deliverTime)) {
          if (item.policy === "interrupt") interrupt(task);
          Object.assign(item, { state: EventState.QUEUED, order: ++order });
        }
      }
    },
  };
  return {
    /** Makes a call that took effect, if it is one that concerns mailboxes. Returns what it should have answered. */
    apply: (method: string, args: object): Expected =>
      (calls as Record<string, ((args: object) => Expected) | undefined>)[method]?.(args),
    /** The states of a task's events in the end, by their ids. */
    statesOf: (taskId: string) => new Map(tasks.get(taskId)?.items.map(({ id, state }) => [id, state])),
  };

  function once(key: string, first: () => unknown): Expected {
    if (answered.has(key)) return { duplicate: true };
    answered.add(key);
    first();
    return { duplicate: false };
  }

  function create(id: string, parent: string | undefined, event: NewEvent | undefined, now: number): void {
    const task: Task = { id, parent, state: TaskState.PENDING, turns: 0, items: [] };
    tasks.set(id, task);
    if (event !== undefined) accept(task, event, now);
  }

  function accept(
    task: Task,
    { id, onBusy: policy = "queue", deliverTime = 0 }: NewEvent,
    now: number,
  ): void {
    const state = deliverTime > now ? EventState.SCHEDULED : EventState.QUEUED;
    if (policy === "interrupt" && state === EventState.QUEUED) interrupt(task);
    task.items.push({ id, policy, state, order: ++order, deliverTime });
  }

  function follow(followUp: FollowUp, now: number): void {
    if (followUp.kind !== "create") return;
    const { taskId, parentTaskId, event } = followUp.task;
    create(taskId, parentTaskId, event, now);
  }

  function start(task: Task | undefined, owner: string, now: number): Pick<StartTurnResult, "turn"> | object {
    const work = task && nextWork(task, now);
    if (task === undefined || work === undefined) return { turn: undefined };
    task.turns += 1;
    task.work = Object.assign(work, { taken: [], turn: { number: task.turns, owner } });
    const events = move(work.events, EventState.PROCESSING).map(({ id }) => ({ id }));
    return { turn: { turn: task.turns, handler: work.handler, events } };
  }

  function nextWork(task: Task, now: number): Work | undefined {
    if (task.work !== undefined)
      return task.work.turn === undefined && task.work.due <= now ? task.work : undefined;
    const fresh = (handler: Handler, events: Item[] = []) => ({ handler, events, taken: [], due: now });
    if (task.state === TaskState.PENDING) return fresh(Handler.TASK_CREATE);
    if (task.state === TaskState.CANCELLING) return fresh(Handler.TASK_CANCEL);
    const [first] = task.state === TaskState.ACTIVE ? waitingOf(task) : [];
    return first && fresh(Handler.TASK_EVENT_SEND, [first]);
  }

  function runningOf(taskId: string, turn: number): Work | undefined {
    const work = tasks.get(taskId)?.work;
    return work?.turn?.number === turn ? work : undefined;
  }

  /** Ends a turn without effect. */
  function putBack(work: Work, due: number): undefined {
    // What is to be tried again does not wait: it is in hand, and comes before all that does.
    move(work.events, EventState.PROCESSING);
    move(work.taken, EventState.QUEUED);
    Object.assign(work, { turn: undefined, taken: [], due });
  }

  function interrupt(task: Task): void {
    if (task.work !== undefined && task.work.handler !== Handler.TASK_CREATE) drop(task);
  }

  /** Drops what is in hand. */
  function drop(task: Task): void {
    if (task.work !== undefined) move([...task.work.events, ...task.work.taken], EventState.DROPPED);
    task.work = undefined;
  }

  function close(task: Task, state: TaskState): void {
    drop(task);
    move(
      task.items.filter(({ state }) => state === EventState.QUEUED || state === EventState.SCHEDULED),
      EventState.DROPPED,
    );
    task.state = state;
  }

  function cancel(task: Task): void {
    if (!isClosed(task)) close(task, TaskState.CANCELLING);
    for (const child of tasks.values()) if (child.parent === task.id) cancel(child);
  }

  function end(task: Task, state: TaskState, now: number): void {
    close(task, state);
    const parent = tasks.get(task.parent ?? "");
    if (parent !== undefined && !isClosed(parent))
      accept(parent, { id: `${task.id}.ended`, content: new Uint8Array() }, now);
  }
}

function isClosed({ state }: Task): boolean {
  return [TaskState.CANCELLING, TaskState.CANCELLED, TaskState.COMPLETED].includes(state);
}

function waitingOf(task: Task | undefined): Item[] {
  const items = task === undefined ? [] : inOrder(task, EventState.QUEUED);
  const ahead = ({ policy }: Item) => policy === "steer" || policy === "interrupt";
  return [...items.filter(ahead), ...items.filter((item) => !ahead(item))];
}

function inOrder({ items }: Task, wanted: EventState): Item[] {
  return items.filter(({ state }) => state === wanted).sort((a, b) => a.order - b.order);
}

function move(items: Item[], state: EventState): Item[] {
  for (const item of items) item.state = state;
  return items;
}
