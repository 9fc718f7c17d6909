import { expect } from "vitest";
import { MessageAuthor } from "../../src/proto.ts";
import { TaskError } from "../../src/server/errors.ts";
import type {
  AgentCounts,
  AppendOutput,
  CancelledTask,
  CancelTask,
  CommitTurn,
  CreatedTask,
  CreateTask,
  EventRecord,
  FailTurn,
  Failure,
  LogEntry,
  MessageRecord,
  Millis,
  OutputEntry,
  SendEvent,
  StartedTurn,
  StartTurn,
  StartTurnResult,
  TaskRecord,
} from "../../src/server/store/records.ts";
import type { Store } from "../../src/server/store/store.ts";

/** When every scene begins. */
const beginning: Millis = 1_700_000_000_000;

/** What a handler failed with, in every scene. */
export const boom: Failure = { reason: "HANDLER_FAILED", message: "boom", name: "Error" };

/** No bound on a page. */
export const unbounded = { afterSequence: 0, limit: 10_000, maxBytes: 1e9 };

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
  create(args?: Partial<CreateTask>): Promise<CreatedTask>;
  /** Sends an event whose id and content are made of its name. */
  send(name: string, args?: Partial<SendEvent>): Promise<EventRecord>;
  start(args?: Partial<StartTurn>): Promise<StartTurnResult>;
  /** Starts a turn that must be due. */
  turn(args?: Partial<StartTurn>): Promise<StartedTurn>;
  append(turn: number, output: OutputEntry[], args?: Partial<AppendOutput>): Promise<void>;
  commit(turn: number, args?: Partial<CommitTurn>): Promise<StartTurnResult>;
  fail(turn: number, args?: Partial<FailTurn>): Promise<void>;
  cancel(args?: Partial<CancelTask>): Promise<CancelledTask>;
  /** Creates the task and commits its onTaskCreate, so that it is ACTIVE and idle. */
  activate(args?: Partial<CreateTask>): Promise<void>;
  /** Starts the turn that is due and commits it. */
  finish(outcome: CommitTurn["outcome"]): Promise<void>;
  task(id?: string): Promise<TaskRecord>;
  events(id?: string): Promise<EventRecord[]>;
  messages(): Promise<MessageRecord[]>;
  log(id?: string): Promise<LogEntry[]>;
  /** The tasks of the agent that are due, as `owner` sees it. */
  due(now: Millis, owner?: string): Promise<string[]>;
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
    create: (args) => store.createTask({ taskId, agent, labels: {}, now, ...args }),
    async send(name, args) {
      const { event } = await store.sendEvent({ taskId, event: newEvent(id(name)), now, ...args });
      return event;
    },
    start: (args) => store.startTurn({ taskId, owner: "a", agents: [agent], maxLosses: 3, now, ...args }),
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
        outcome: { kind: "continue" },
        now,
        ...args,
      }),
    fail: (turn, args) => store.failTurn({ taskId, turn, error: boom, counts: true, now, ...args }),
    cancel: (args) => store.cancelTask({ taskId, now, ...args }),
    async activate(args) {
      await scene.create(args);
      const started = await scene.turn({ ...(args?.taskId !== undefined && { taskId: args.taskId }) });
      await scene.commit(started.turn, { taskId: started.task.id });
    },
    async finish(outcome) {
      const { turn } = await scene.turn();
      await scene.commit(turn, { outcome });
    },
    async task(id = taskId) {
      const task = await store.getTask({ id });
      if (task === undefined) throw new Error(`there is no task ${id}`);
      return task;
    },
    events: async (id = taskId) => (await store.listEvents({ taskId: id, states: [], ...unbounded })).items,
    messages: async () => (await store.listMessages({ taskId, ...unbounded })).items,
    async log(id = taskId) {
      const page = { afterSequence: 0, maxEntries: unbounded.limit, maxBytes: unbounded.maxBytes };
      return (await store.readLog({ taskId: id, ...page })).entries;
    },
    due: async (now, owner = "a") =>
      (await store.dueTasks({ owner, agents: [agent], now, limit: 100 })).taskIds,
    counts: () => store.countAgent(agent),
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
