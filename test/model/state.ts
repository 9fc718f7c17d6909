import { isFinalState } from "../../src/final-state.ts";
import {
  type CancelOutcome,
  EventState,
  type Handler,
  type MessageState,
  TaskState,
} from "../../src/proto.ts";
import { type Reason, TaskError } from "../../src/server/errors.ts";
import type { RequestKey } from "../../src/server/store/calls.ts";
import type { AgentRecord, BusyPolicy, Millis, QuestionRecord } from "../../src/server/store/records.ts";

/** Tasks and their mailboxes as the Store interface describes them, for reading: in plain arrays, one call after the other. */
export interface Model {
  agents: readonly AgentRecord[];
  /** Oldest first. */
  tasks: ModelTask[];
  /** The running turns that were made void, and whether that was from outside. */
  stopped: { taskId: string; turn: number; outside: boolean }[];
  requests: { scope: string; key: RequestKey; taskId: string; answer: object }[];
}

export interface ModelTask {
  id: string;
  name: string | undefined;
  agent: AgentRecord;
  parent: string | undefined;
  /** How many parents are above it. */
  depth: number;
  state: TaskState;
  reason?: string | undefined;
  error?: Reason | undefined;
  expireTime: Millis | undefined;
  /** Whether it ends TIMED_OUT. */
  timedOut: boolean;
  question?: QuestionRecord | undefined;
  /** Whether it waits for a redrive: it is PAUSED, or will be when its question is closed. */
  paused: boolean;
  cancellation?: { requestTime: Millis; outcome: CancelOutcome; droppedEvents: number };
  forced: boolean;
  purgeTime?: Millis;
  /** In the order of their places. */
  events: ModelEvent[];
  messages: ModelMessage[];
  /** What is in hand, in the order in which it was started. */
  works: Work[];
  turns: number;
  hold?: Hold | undefined;
  values: Record<string, string>;
  revision: number;
  /** At which revision a key was last changed. */
  changed: Record<string, number>;
}

export interface ModelEvent {
  id: string;
  state: EventState;
  attempt: number;
  error?: Reason | undefined;
  steer: boolean;
  interrupts: boolean;
  /** Whether it goes ahead of those that do not. */
  ahead: boolean;
  /** Whether it ends a question, and so goes ahead of all. */
  first: boolean;
  hops: number;
  deliverTime: Millis | undefined;
  /** Since when it waits. */
  since: Millis;
}

export interface ModelMessage {
  id: string;
  turn: number;
  eventId: string | undefined;
  attempt: number;
  state: MessageState;
  text: string;
  /** How many deltas made it. */
  deltas: number;
  /** When it was done. */
  doneTime?: Millis;
  /** When its turn was. */
  turnTime?: Millis;
  /** Whether its deltas may have left the log, and whether they must have. */
  mayBeGone?: true;
  gone?: true;
}

/** Work in hand: a turn that runs, or that is to be tried again. */
export interface Work {
  handler: Handler;
  events: ModelEvent[];
  attempt: number;
  failures: number;
  losses: number;
  /** When it is due, while no turn runs for it. */
  due: Millis;
  turn?: Turn | undefined;
}

export interface Turn {
  number: number;
  owner: string;
  /** The revision that it has read. */
  revision: number;
  taken: ModelEvent[];
}

/** What a turn that deferred asked for. */
export interface Hold {
  /** What it left, which this holds for as long as one of it waits. */
  left: ModelEvent[];
  untilTime: Millis;
  untilEvents: number;
}

export function newTask(
  id: string,
  agent: AgentRecord,
  about: { name: string | undefined; parent: ModelTask | undefined; expireTime: Millis | undefined },
): ModelTask {
  return {
    ...{ id, agent, name: about.name, expireTime: about.expireTime },
    ...{ parent: about.parent?.id, depth: about.parent === undefined ? 0 : about.parent.depth + 1 },
    state: agent.startsActive === true ? TaskState.ACTIVE : TaskState.PENDING,
    ...{ timedOut: false, forced: false, paused: false },
    ...{ events: [], messages: [], works: [], turns: 0, values: {}, revision: 0, changed: {} },
  };
}

export function newEvent(id: string, policy: BusyPolicy, answers: boolean, now: Millis): ModelEvent {
  const [steer, interrupts] = [policy === "steer" && !answers, policy === "interrupt"];
  const ahead = steer || interrupts || answers;
  const place = { state: EventState.QUEUED, attempt: 0, since: now, deliverTime: undefined };
  return { id, ...place, steer, interrupts, ahead, first: answers, hops: 0 };
}

export function ended({ state }: ModelTask): boolean {
  return isFinalState(state);
}

/** Whether a task takes no more events. */
export function closed(task: ModelTask): boolean {
  return ended(task) || task.state === TaskState.CANCELLING;
}

export function inState(task: ModelTask, ...states: EventState[]): ModelEvent[] {
  return task.events.filter(({ state }) => states.includes(state));
}

export function closeQuestion(task: ModelTask): void {
  task.question = undefined;
  task.state = task.paused ? TaskState.PAUSED : TaskState.ACTIVE;
}

/** What waits, in the order in which it would be started: what is in hand to be tried again does not. */
export function waiting(task: ModelTask): ModelEvent[] {
  const inHand = task.works.flatMap(({ events }) => events);
  const waits = inState(task, EventState.QUEUED).filter((event) => !inHand.includes(event));
  const rank = ({ first, ahead }: ModelEvent) => (first ? 0 : ahead ? 1 : 2);
  return waits.sort((a, b) => rank(a) - rank(b));
}

export function find(model: Model, id: string): ModelTask {
  return model.tasks.find((task) => task.id === id) ?? refuse("TASK_NOT_FOUND");
}

/** Finds the work that a turn runs for. Fences (G3, G5). */
export function workOf(
  model: Model,
  args: { taskId: string; turn: number },
): { task: ModelTask; work: Work; turn: Turn } {
  const task = model.tasks.find(({ id }) => id === args.taskId);
  const work = task?.works.find(({ turn }) => turn?.number === args.turn);
  if (task === undefined || work?.turn === undefined) return refuse("TURN_OVER");
  return { task, work, turn: work.turn };
}

export function refuse(reason: Reason): never {
  throw new TaskError(reason, reason);
}
