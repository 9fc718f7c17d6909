import { fromJson, toJson } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { createClient, type TasksClient, type WebhooksClient } from "../../src/client/index.ts";
import {
  ErrorInfoSchema,
  type EventState,
  type PartJson,
  PartSchema,
  type Status,
  type TaskState,
  type TaskUpdate,
} from "../../src/proto.ts";
import {
  type AgentDefinition,
  defineAgent,
  type ServeOptions,
  serve,
  type TurnContext,
} from "../../src/server/index.ts";

/** A server of one agent, `rig`, and a client of it that tries nothing twice. */
export interface Rig extends AsyncDisposable {
  url: string;
  /** The port of its metrics, if the options ask for one. */
  metricsPort?: number;
  tasks: TasksClient;
  webhooks: WebhooksClient;
  /** What the server wrote to its log. */
  logged: { level: string; message: string; fields: Record<string, unknown> }[];
  /** Creates a task and returns its id. */
  create(event?: string): Promise<string>;
  /** Follows a task until an entry passes the test. Returns all entries up to this one. */
  until(taskId: string, test: (update: TaskUpdate) => boolean): Promise<TaskUpdate[]>;
  /** Follows a task until its end. */
  end(taskId: string): Promise<TaskUpdate[]>;
  /** The texts of a conversation. */
  texts(taskId: string): Promise<string[]>;
  close(): Promise<void>;
}

/** Serves an agent of these handlers, on a store that is gone with it unless the options say other. */
export async function startRig(
  definition: Partial<AgentDefinition>,
  options: Partial<ServeOptions> = {},
): Promise<Rig> {
  const logged: Rig["logged"] = [];
  const write =
    (level: string) =>
    (message: string, fields: Record<string, unknown> = {}) => {
      logged.push({ level, message, fields });
    };
  const agent = defineAgent({ name: "rig", onTaskEventSend: () => {}, ...definition });
  const log = { info: write("info"), warn: write("warn"), error: write("error") };
  const server = await serve({ agents: [agent], store: "memory:", port: 0, drain: 0, log, ...options });
  const { tasks, webhooks } = createClient({ baseUrl: server.url, retry: { maxAttempts: 1 } });
  return {
    url: server.url,
    ...(server.metricsPort !== undefined && { metricsPort: server.metricsPort }),
    tasks,
    webhooks,
    logged,
    until,
    close: () => server.close(),
    [Symbol.asyncDispose]: () => server.close(),
    end: (taskId) => until(taskId, () => false),
    async create(event) {
      return (await tasks.create({ agent: "rig", ...(event !== undefined && { event }) })).task.id;
    },
    async texts(taskId) {
      const messages = await collect(tasks.messages(taskId));
      return messages.map(({ parts }) => parts.map((part) => textOf(toJson(PartSchema, part))).join(""));
    },
  };

  async function until(taskId: string, test: (update: TaskUpdate) => boolean): Promise<TaskUpdate[]> {
    const updates: TaskUpdate[] = [];
    for await (const update of tasks.subscribe(taskId, { maxAttempts: 1 })) {
      updates.push(update);
      if (test(update)) break;
    }
    return updates;
  }
}

/** Reads to the end. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

function textOf(part: PartJson): string {
  return part.text ?? JSON.stringify(part);
}

/** Whether an entry says that an event, of this sequence if one is given, has come to a state. */
export function isEvent(state: EventState, sequence?: bigint): (update: TaskUpdate) => boolean {
  return ({ entry }) =>
    entry.case === "event" &&
    entry.value.state === state &&
    (sequence === undefined || entry.value.sequence === sequence);
}

/** Whether an entry says that the task has come to a state. */
export function isTask(state: TaskState): (update: TaskUpdate) => boolean {
  return ({ entry }) => entry.case === "task" && entry.value.state === state;
}

/** What the turns that had no effect ended with, as in `TASK_EVENT_SEND 1: HANDLER_FAILED, TypeError: no`. */
export function failuresIn(log: TaskUpdate[]): string[] {
  return log.flatMap(({ entry }) =>
    entry.case === "superseded" ? [`${entry.value.attempt}: ${failureOf(entry.value.error)}`] : [],
  );
}

/** What an error in a log says, as in `HANDLER_FAILED, TypeError: no`. */
export function failureOf(status: Status | undefined): string {
  const details = status?.details.map((detail) => anyUnpack(detail, ErrorInfoSchema)) ?? [];
  const names = details.flatMap((info) => [info?.reason ?? "", ...Object.values(info?.metadata ?? {})]);
  return `${names.join(", ")}: ${status?.message}`;
}

/** A place where a handler waits for the test. */
export interface Gate {
  /** Resolves when a handler has come here. */
  readonly reached: Promise<TurnContext>;
  /** Lets it go on. */
  open(): void;
  /** What the handler awaits. */
  pass(ctx: TurnContext): Promise<void>;
}

export function createGate(): Gate {
  const reached = Promise.withResolvers<TurnContext>();
  const opened = Promise.withResolvers<void>();
  return {
    reached: reached.promise,
    open: () => opened.resolve(),
    pass(ctx) {
      reached.resolve(ctx);
      return opened.promise;
    },
  };
}

/** Gives a part as a server gives it back. */
export function normal(part: PartJson): PartJson {
  return toJson(PartSchema, fromJson(PartSchema, part));
}
