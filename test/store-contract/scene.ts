import { expect } from "vitest";
import { EventState, MessageAuthor } from "../../src/proto.ts";
import { TaskError } from "../../src/server/errors.ts";
import type {
  AppendOutput,
  CancelEvent,
  CancelledTask,
  CancelTask,
  CommitTurn,
  CreatedTask,
  CreateTask,
  FailTurn,
  InterruptedTask,
  InterruptTask,
  NewEvent,
  OutputEntry,
  RecoverTurns,
  RedriveEvents,
  RedrivenEvents,
  SendEvent,
  StartedTurn,
  StartTurn,
  StartTurnResult,
  TakeEvents,
} from "../../src/server/store/calls.ts";
import type { ListTasks, PeekEvents, TaskPage } from "../../src/server/store/queries.ts";
import type {
  AgentCounts,
  AgentRecord,
  EventRecord,
  Failure,
  LogEntry,
  MessageRecord,
  Millis,
  TaskRecord,
} from "../../src/server/store/records.ts";
import type { Store } from "../../src/server/store/store.ts";

/** When every scene begins. */
const beginning: Millis = 1_700_000_000_000;

/** What a handler failed with, in every scene. */
export const boom: Failure = { reason: "HANDLER_FAILED", message: "boom", name: "Error" };

/** No bound on a page. */
export const unbounded = { afterSequence: 0, limit: 10_000, maxBytes: 1e9 };

/** What an agent is to its mailboxes in a scene, unless `rules` says other. */
const ordinary: Omit<AgentRecord, "name"> = { maxPending: 10_000, parallel: 1, keepDeltas: 3_600_000 };

/** An event's choices beside its content, given with the rest of a call. */
type Choices = Partial<Omit<NewEvent, "id" | "content">>;

let scenes = 0;

/**
 * A task of its own, `id("task")`, with an agent of its own, in a store that tests share.
 *
 * Its methods are the Store's with defaults for that task: owner `a`, at the beginning of time, nothing to say.
 */
export interface Scene {
  store: Store;
  agent: string;
  id(name: string): string;
  /** The names of what has ids of the scene. */
  names(items: readonly { id: string }[]): string[];
  /** Puts the agent, whose mailboxes are ordinary but for this. */
  rules(args: Partial<AgentRecord>): Promise<void>;
  create(args?: Partial<CreateTask>): Promise<CreatedTask>;
  /** Sends an event whose id and content are made of its name. */
  send(name: string, args?: Partial<SendEvent> & Choices): Promise<EventRecord>;
  start(args?: Partial<StartTurn>): Promise<StartTurnResult>;
  /** Starts a turn that must be due. */
  turn(args?: Partial<StartTurn>): Promise<StartedTurn>;
  append(turn: number, output: OutputEntry[], args?: Partial<AppendOutput>): Promise<void>;
  commit(turn: number, args?: Partial<CommitTurn>): Promise<StartTurnResult>;
  fail(turn: number, args?: Partial<FailTurn>): Promise<void>;
  cancel(args?: Partial<CancelTask>): Promise<CancelledTask>;
  interrupt(args?: Partial<InterruptTask>): Promise<InterruptedTask>;
  redrive(args?: Partial<RedriveEvents>): Promise<RedrivenEvents>;
  /** Takes the event of that name back. */
  takeBack(name: string, args?: Partial<CancelEvent>): Promise<EventRecord>;
  take(turn: number, args?: Partial<TakeEvents>): Promise<EventRecord[]>;
  /** The names of the events that wait. */
  waiting(args?: Partial<PeekEvents>): Promise<string[]>;
  /** Fires all timers that are due, those of other scenes too. */
  fire(now: Millis): Promise<void>;
  /** Takes the turns of all owners but `b`, those of other scenes too. */
  recover(args?: Partial<RecoverTurns>): Promise<void>;
  /** Creates the task and commits its onTaskCreate, so that it is ACTIVE and idle. */
  activate(args?: Partial<CreateTask>): Promise<void>;
  /** Starts the turn that is due and commits it. */
  finish(outcome: CommitTurn["outcome"], args?: Partial<CommitTurn>): Promise<void>;
  task(id?: string): Promise<TaskRecord>;
  /** Lists the agent's tasks, or others that are asked for. */
  list(args?: Partial<ListTasks>): Promise<TaskPage>;
  events(id?: string): Promise<EventRecord[]>;
  /** Where each event stands, by its name. */
  states(id?: string): Promise<Record<string, keyof typeof EventState>>;
  messages(id?: string): Promise<MessageRecord[]>;
  log(id?: string): Promise<LogEntry[]>;
  /** The ids of the agent's tasks that are due. */
  due(now: Millis): Promise<string[]>;
  counts(): Promise<AgentCounts>;
}

export function createScene(store: Store): Scene {
  const prefix = `s${++scenes}`;
  const agent = `${prefix}-agent`;
  const id = (name: string) => `${prefix}-${name}`;
  const now = beginning;
  const taskId = id("task");
  const scene: Scene = {
    store,
    agent,
    id,
    names: (items) => items.map((item) => item.id.replace(`${prefix}-`, "")),
    rules: (args) => store.putAgents([{ name: agent, ...ordinary, ...args }]),
    create: (args) => store.createTask({ taskId, agent, labels: {}, now, ...args }),
    async send(name, { onBusy, deliverTime, answers, hops, ...args } = {}) {
      const choices = {
        ...(onBusy !== undefined && { onBusy }),
        ...(deliverTime !== undefined && { deliverTime }),
        ...(answers !== undefined && { answers }),
        ...(hops !== undefined && { hops }),
      };
      const { event } = await store.sendEvent({
        taskId,
        event: { ...newEvent(id(name)), ...choices },
        now,
        ...args,
      });
      return event;
    },
    start: (args) => store.startTurn({ taskId, owner: "a", agents: [agent], forced: false, now, ...args }),
    async turn(args) {
      const { turn } = await scene.start(args);
      if (turn === undefined) throw new Error("no turn was due");
      return turn;
    },
    append: (turn, output, args) => store.appendOutput({ taskId, turn, output, now, ...args }),
    commit: (turn, args) =>
      store.commitTurn({
        taskId,
        turn,
        output: [],
        changes: {},
        reads: [],
        followUps: [],
        outcome: { kind: "continue" },
        now,
        ...args,
      }),
    fail: (turn, args) => store.failTurn({ taskId, turn, error: boom, counts: true, now, ...args }),
    cancel: (args) => store.cancelTask({ taskId, now, ...args }),
    interrupt: (args) => store.interruptTask({ taskId, now, ...args }),
    redrive: (args) => store.redriveEvents({ taskId, now, ...args }),
    takeBack: (name, args) => store.cancelEvent({ taskId, eventId: id(name), now, ...args }),
    take: (turn, args) =>
      store.takeEvents({ taskId, turn, steering: false, limit: 100, maxBytes: 1e6, now, ...args }),
    waiting: async (args) =>
      scene.names(await store.peekEvents({ taskId, limit: 100, maxBytes: 1e6, ...args })),
    async fire(now) {
      while ((await store.fireTimers({ now, limit: 100 })).fired > 0);
    },
    async recover(args) {
      const all = { owner: "b", maxLosses: 3, limit: 100, now, ...args };
      while ((await store.recoverTurns(all)) === all.limit);
    },
    async activate(args) {
      await scene.create(args);
      const started = await scene.turn({ ...(args?.taskId !== undefined && { taskId: args.taskId }) });
      await scene.commit(started.turn, { taskId: started.task.id });
    },
    async finish(outcome, args) {
      const { taskId, now } = { taskId: id("task"), now: beginning, ...args };
      const { turn } = await scene.turn({ taskId, now });
      await scene.commit(turn, { outcome, ...args });
    },
    async task(id = taskId) {
      const task = await store.getTask({ id });
      if (task === undefined) throw new Error(`there is no task ${id}`);
      return task;
    },
    list: (args) =>
      store.listTasks({
        ...{ agent, states: [], labels: {}, limit: 100, maxBytes: 1e9, maxScanned: 1e6 },
        ...args,
      }),
    events: async (id = taskId) => (await store.listEvents({ taskId: id, states: [], ...unbounded })).items,
    async states(id) {
      const events = await scene.events(id);
      const names = scene.names(events);
      return Object.fromEntries(events.map(({ state }, n) => [names[n], stateName(state)]));
    },
    messages: async (id = taskId) => (await store.listMessages({ taskId: id, ...unbounded })).items,
    async log(id = taskId) {
      const page = { afterSequence: 0, maxEntries: unbounded.limit, maxBytes: unbounded.maxBytes };
      return (await store.readLog({ taskId: id, ...page })).entries;
    },
    due: async (now) => (await store.dueTasks({ agents: [agent], now, limit: 100 })).taskIds,
    counts: () => store.countAgent({ agent, maxScanned: 1e6 }),
  };
  return scene;
}

/** A moment of a scene: so many milliseconds after its beginning. */
export function at(offset: Millis): Millis {
  return beginning + offset;
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function newEvent(id: string) {
  return { id, content: bytes(`content of ${id}`) };
}

function stateName(state: EventState): keyof typeof EventState {
  return EventState[state] as keyof typeof EventState;
}

/** The outputs of a turn, with the agent's voice. */
export const show = {
  whole: (id: string, text = "whole") => ({
    kind: "message" as const,
    id,
    author: MessageAuthor.AGENT,
    content: bytes(text),
    done: true,
  }),
  begin: (id: string): OutputEntry => ({ kind: "message", id, author: MessageAuthor.AGENT, done: false }),
  delta: (messageId: string, text: string): OutputEntry => ({
    kind: "delta",
    delta: { messageId, partIndex: 0, text },
  }),
  end: (id: string, text: string): OutputEntry => ({ kind: "end", id, content: bytes(text) }),
};

/** Waits for a call that must reject with a TaskError. */
export async function errorOf(call: Promise<unknown>): Promise<TaskError> {
  const error = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(TaskError);
  return error as TaskError;
}

export async function reasonOf(call: Promise<unknown>): Promise<string> {
  return (await errorOf(call)).reason;
}
