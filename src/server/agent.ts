import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { PartJson } from "../proto.ts";
import { TaskError } from "./errors.ts";
import type { Millis } from "./store/records.ts";

/** What an agent author writes: three handlers under a name, and how its mailboxes are kept. */
export interface AgentDefinition {
  /** What tasks are created by: 1 to 63 characters of `a-z 0-9 -`, beginning with a letter. */
  name: string;
  /** What the agent does, in words, for those who choose among agents. */
  description?: string;
  /** Runs once for each task, before any of its events. */
  onTaskCreate?(ctx: TurnContext): Promise<void> | void;
  /** Runs for each event, in the order in which they were accepted, one at a time. */
  onTaskEventSend(ctx: TurnContext, event: AgentEvent): Promise<void> | void;
  /**
   * Runs when a task is cancelled, after the handler that ran has settled or its grace has passed: once, unless it fails or its process
   * dies, like every handler. `reason` is the canceller's,
   * or empty. The task ends CANCELLED, whatever this does.
   */
  onTaskCancel?(ctx: TurnContext, reason: string): Promise<void> | void;
  mailbox?: {
    /** The most events that may wait for one task, 1 to 1,000,000. Default 10,000. */
    maxPending?: number;
  };
  retry?: {
    /** How many turns of one event may fail before its task is FAILED, the first included, 1 to 100. Default 5. */
    maxAttempts?: number;
    /** How long to wait after the first failure, in ms; each further one doubles it. 1 to 86,400,000. Default 1,000. */
    initialBackoff?: Millis;
    /** The longest wait, in ms, 1 to 86,400,000. Default 60,000. */
    maxBackoff?: Millis;
  };
  /** How long a handler may go on after its task was cancelled, in ms, 0 to 600,000. Default 5,000. */
  cancelGrace?: Millis;
}

/** An agent, with every choice made. */
export interface Agent extends AgentDefinition {
  mailbox: { maxPending: number };
  retry: { maxAttempts: number; initialBackoff: Millis; maxBackoff: Millis };
  cancelGrace: Millis;
}

/**
 * What a handler is given for one turn.
 *
 * What it does through the context takes effect when the handler returns: its changes of state, the end of its event and of its task are
 * one transaction (G3). What it shows is visible at once, and void if the turn fails: the handler is then run again, so that what
 * it does elsewhere may happen more than once. Once the turn is over, everything that would have an effect throws TURN_OVER.
 */
export interface TurnContext {
  readonly task: TaskInfo;
  /** Aborts when the turn is to stop: the task was cancelled, or the server stops. */
  readonly signal: AbortSignal;
  /** Counts the turns that were started for this work, from 1. */
  readonly attempt: number;
  /** Writes to the server's log, with the task, the turn and the attempt beside the message. */
  readonly log: Logger;
  readonly messages: Messages;
  readonly state: TurnState;
  readonly mailbox: {
    /** How many events waited in the task's mailbox when the turn began, not counting the one that is handled. */
    readonly pending: number;
  };
  /** Ends the task as COMPLETED when the handler returns; events that still wait are dropped. Of several calls, the last counts. */
  complete(reason?: string): void;
  /** Ends the task as FAILED when the handler returns; what the turn showed stays. Throwing, in contrast, is tried again. */
  fail(reason: string): void;
}

/** The task of a turn. */
export interface TaskInfo {
  readonly id: string;
  /** Empty when the task has none. */
  readonly name: string;
  readonly agent: string;
  /** What the task was created with; empty when it was created without. */
  readonly params: JsonObject;
  readonly labels: Readonly<Record<string, string>>;
  /** Empty when the task has none. */
  readonly parentTaskId: string;
  readonly createTime: Date;
}

/** An event, as a handler sees it. */
export interface AgentEvent {
  readonly id: string;
  /** Its place in the order of its task. */
  readonly sequence: number;
  /** What kind of event it is; empty when its sender did not say. */
  readonly type: string;
  /** Who sent it; empty when the sender did not say. */
  readonly sender: string;
  /** What it says, in the shape of ProtoJSON. */
  readonly parts: readonly PartJson[];
  /** The text of all its text parts, joined by line breaks. */
  readonly text: string;
  readonly metadata: JsonObject;
  readonly createTime: Date;
}

/** Content: a text, a part in the shape of ProtoJSON such as `{ data: { a: 1 } }`, or several parts. */
export type Content = string | PartJson | readonly PartJson[];

export interface MessageOptions {
  /** Whose voice it is. Default `agent`. */
  author?: "agent" | "user";
}

/** What a turn shows. */
export interface Messages {
  /**
   * Shows a whole message. Resolves, with its id, once it is on its way to the log; waits while too much is on its way.
   * Throws VALUE_INVALID if the content has no parts, is not valid or takes more than 1,048,576 bytes encoded.
   */
  send(content: Content, options?: MessageOptions): Promise<string>;
  /** Begins a message that grows. It shows with its first addition, never without one, and is ended with the turn, at the latest. */
  stream(options?: MessageOptions): MessageStream;
}

/** A message that grows. */
export interface MessageStream {
  readonly id: string;
  /**
   * Adds to the message: a string or `{ text }` appends to its last part if that is text, `{ reasoning }` likewise; any other part is
   * added as it is. Subscribers see it within 50 ms; under load, adjacent additions reach them as one.
   * Throws VALUE_INVALID, or TURN_OVER once the message or the turn has ended.
   */
  write(addition: string | PartJson): Promise<void>;
  /** Ends the message. Ending it twice does nothing. */
  end(): Promise<void>;
}

/**
 * What the agent remembers of a task. Reads see the turn's own changes; others see them when the turn has committed.
 * Keys have 1 to 256 characters; a value takes at most 262,144 characters of JSON, all together at most 524,288; it is nested at most 30 deep.
 */
export interface TurnState {
  /** How many turns have changed it before this one. */
  readonly revision: number;
  /** The keys that have a value. */
  keys(): string[];
  /** Gets a copy of a value. Say its type, as in `get<string[]>("seen")`, unless a fallback does, as in `get("count") ?? 0`. */
  get<T extends JsonValue = never>(key: string): T | undefined;
  /** Sets a value. Throws VALUE_INVALID if it is not JSON or is too large. */
  set(key: string, value: JsonValue): void;
  /** Removes a value. Returns whether there was one. */
  delete(key: string): boolean;
}

/** A structured log. */
export interface Logger {
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

/** Checks a definition and makes its agent. Throws VALUE_INVALID that names what is out of its bounds. */
export function defineAgent(definition: AgentDefinition): Agent {
  const { name, mailbox, retry } = definition;
  if (typeof name !== "string" || !/^[a-z][a-z0-9-]{0,62}$/.test(name)) {
    throw invalid("name", "must have 1 to 63 characters of a-z, 0-9 and -, and begin with a letter");
  }
  if (typeof definition.onTaskEventSend !== "function")
    throw invalid("onTaskEventSend", "must be a function");
  for (const handler of ["onTaskCreate", "onTaskCancel"] as const) {
    if (definition[handler] !== undefined && typeof definition[handler] !== "function") {
      throw invalid(handler, "must be a function");
    }
  }
  const day = 86_400_000;
  return {
    ...definition,
    mailbox: { maxPending: within("mailbox.maxPending", mailbox?.maxPending ?? 10_000, 1, 1_000_000) },
    retry: {
      maxAttempts: within("retry.maxAttempts", retry?.maxAttempts ?? 5, 1, 100),
      initialBackoff: within("retry.initialBackoff", retry?.initialBackoff ?? 1000, 1, day),
      maxBackoff: within("retry.maxBackoff", retry?.maxBackoff ?? 60_000, 1, day),
    },
    cancelGrace: within("cancelGrace", definition.cancelGrace ?? 5000, 0, 600_000),
  };
}

function within(field: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw invalid(field, `must be a whole number from ${min} to ${max}`);
}

function invalid(field: string, description: string): TaskError {
  return new TaskError("VALUE_INVALID", `an agent's ${field} ${description}`, {
    fields: [{ field, description }],
  });
}
