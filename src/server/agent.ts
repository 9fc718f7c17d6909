import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { PartJson, TaskUpdate } from "../proto.ts";
import type { Exhausted } from "./store/calls.ts";
import type { BusyPolicy, Millis } from "./store/records.ts";
import type { IncomingWebhook } from "./webhooks/incoming/index.ts";

export type { Exhausted } from "./store/calls.ts";
export type { BusyPolicy } from "./store/records.ts";

/** What an agent author writes: handlers under a name, and how its mailboxes are kept. */
export interface AgentDefinition {
  /** What tasks are created by: 1 to 63 characters of `a-z 0-9 -`, beginning with a letter. */
  name: string;
  /** What the agent does, in words, for those who choose among agents. */
  description?: string;
  /** Runs once for each task, before any of its events. A task that is made while the agent has none is ACTIVE from the start, for good. */
  onTaskCreate?(ctx: TurnContext): Promise<void> | void;
  /** Runs for each event, in the order in which they were accepted, one at a time unless `mailbox.parallel` says other. */
  onTaskEventSend?(ctx: TurnContext, event: AgentEvent): Promise<void> | void;
  /** Runs for several events at once, in their order, in place of onTaskEventSend. It goes with `mailbox.batch`. */
  onTaskEventBatch?(ctx: TurnContext, events: readonly AgentEvent[]): Promise<void> | void;
  /**
   * Runs when a task is cancelled or timed out, after the handler that ran has settled or its grace has passed: once, unless it fails or
   * its process dies, like every handler. `reason` is the canceller's, or empty. The task ends CANCELLED or TIMED_OUT, whatever this does.
   */
  onTaskCancel?(ctx: TurnContext, reason: string): Promise<void> | void;
  mailbox?: {
    /** The most events that may wait for one task, scheduled ones included, 1 to 1,000,000. Default 10,000. */
    maxPending?: number;
    /** How many turns of one task may be in hand at once, 1 to 1,000. Their events are started in order. Default 1. */
    parallel?: number;
    /**
     * Gathers events for onTaskEventBatch: a turn begins when `max` of them (1 to 1,000) wait, one goes ahead, or the oldest has waited
     * `wait` ms (0 to 86,400,000). It gets at most `max`, or fewer that make about 4 MiB.
     */
    batch?: { max: number; wait: Millis };
  };
  /** What an event does to a task that is busy, unless the event says other. Default `queue`. */
  onBusy?: BusyPolicy;
  retry?: {
    /** How many turns of one event may fail before it is given up, the first included, 1 to 100. Default 5. */
    maxAttempts?: number;
    /** How long to wait after the first failure, in ms; each further one doubles it. 1 to 86,400,000. Default 1,000. */
    initialBackoff?: Millis;
    /** The longest wait, in ms, 1 to 86,400,000. Default 60,000. */
    maxBackoff?: Millis;
    /** Tells which errors are final, so that no further attempt is made. A FinalError always is. Default: no other. */
    isFinal?(error: unknown): boolean;
    /**
     * What comes when an event is given up. `dead-letter`: it is DEAD_LETTERED, and the task goes on with the next. `pause`: the task is
     * PAUSED besides, until RedriveEvent or CancelTask. `fail`: the task is FAILED. Default `dead-letter`.
     * onTaskCreate that is given up always fails its task.
     */
    onExhausted?: Exhausted;
  };
  /** How long a turn may run, in ms, 1 to 86,400,000. Then it is stopped, and counts as failed. Default: as long as it likes. */
  turnTimeout?: Millis;
  /** How long a handler may go on after its signal aborted, in ms, 0 to 600,000. Default 5,000. */
  cancelGrace?: Millis;
  /** How long a finished task is kept, in ms, 0 to 316,224,000,000. Then it is deleted. Default: for ever. */
  retention?: Millis;
  /** How long the deltas of a message are kept after its end, and until its turn's at least, in ms, 0 to 316,224,000,000. Default 3,600,000. */
  keepDeltas?: Millis;
  /**
   * How many revisions of a task's state are kept, the present one included, 0 to 1,000: see ListTaskStates. Fewer if what they changed
   * makes more than about 1 MiB. 0 keeps no record, and spares each turn that changes the state a write. Default 10.
   */
  stateHistory?: number;
  /** Incoming webhooks by name, which has 1 to 63 characters of `a-z 0-9 -`: `POST /webhooks/{agent}/{name}`. */
  webhooks?: Readonly<Record<string, IncomingWebhook>>;
  /** Recurring schedules by name, which has 1 to 63 characters of `a-z A-Z 0-9 . _ -`. Those that are not declared any more are deleted. */
  schedules?: Readonly<Record<string, DeclaredSchedule>>;
}

/** A recurring schedule that an agent declares: see `pigeonhole.v1.Schedule`. */
export interface DeclaredSchedule {
  /** Five fields (minute, hour, day of month, month, day of week) or six (seconds first), as in `0 3 * * *`. */
  cron: string;
  /** An IANA time zone, as in `Europe/Berlin`. Default `UTC`. */
  timeZone?: string;
  /** What becomes of times that were missed because no server ran. Default `latest`. */
  missed?: "skip" | "latest" | "all";
  /** What becomes of a time at which an earlier firing is not finished. Default `allow`. */
  overlap?: "allow" | "skip" | "replace";
  /** The name of the task to send to, made if there is no unfinished one. Default: a new task for each firing. */
  task?: string;
  /** What the event says. Default: the schedule's name. */
  content?: Content;
  type?: string;
  params?: JsonObject;
  labels?: Readonly<Record<string, string>>;
}

/** An agent, with every choice made. */
export interface Agent extends AgentDefinition {
  mailbox: { maxPending: number; parallel: number; batch?: { max: number; wait: Millis } };
  onBusy: BusyPolicy;
  retry: {
    maxAttempts: number;
    initialBackoff: Millis;
    maxBackoff: Millis;
    onExhausted: Exhausted;
    isFinal?(error: unknown): boolean;
  };
  cancelGrace: Millis;
  keepDeltas: Millis;
  stateHistory: number;
}

/** Thrown by a handler: what it tried will never succeed, so that no further attempt is made. */
export class FinalError extends Error {
  override readonly name = "FinalError";
}

/**
 * What a handler is given for one turn.
 *
 * What it does through the context takes effect when the handler returns: its changes of state, what it sends and schedules, the end of
 * its events and of its task are one transaction (G3). What it shows is visible at once, and void if the turn fails: the handler is then
 * run again, so that what it does elsewhere may happen more than once. Once the turn is over, everything that would have an effect throws
 * TURN_OVER.
 */
export interface TurnContext {
  readonly task: TaskInfo;
  /** Aborts when the turn is to stop: the task was cancelled, interrupted or timed out, the turn took too long, or the server stops. */
  readonly signal: AbortSignal;
  /** Counts the turns that were started for this work, from 1. */
  readonly attempt: number;
  /** Writes to the server's log, with the task, the turn and the attempt beside the message. */
  readonly log: Logger;
  readonly messages: Messages;
  readonly state: TurnState;
  readonly mailbox: TurnMailbox;
  readonly tasks: TurnTasks;
  /**
   * Sends an event to this task when the handler returns, to be delivered after `in` ms or `at` a time, at most 3,660 days ahead. An agent
   * with `onBusy: "reject"` does not refuse it. Returns the event's id. Throws VALUE_INVALID, or TASK_FINISHED in onTaskCancel: a task that is
   * cancelled takes no event.
   */
  schedule(when: When, content: Content, options?: EventOptions): string;
  /** Takes back an event that is scheduled, when the handler returns; one that was delivered already is left alone. */
  unschedule(eventId: string): void;
  /**
   * Leaves the turn's events in the mailbox when the handler returns, and asks to be called again: after `in` ms, `at` a time, or when
   * `events` of them wait (1 to 1,000,000, and without a time no more than the mailbox takes; those that it leaves included; at once if they
   * do), whichever comes first; of several turns side by side that defer, the first of what they ask for. Throws VALUE_INVALID. An event that
   * goes ahead (STEER, INTERRUPT, an answer) passes what is left, and leaves it put off. Once all of it was taken back, nothing is put off.
   * What the turn showed and stored takes effect.
   */
  defer(until: Partial<When> & { events?: number }): void;
  /**
   * Asks a question when the handler returns: the task is INPUT_REQUIRED, and its next event is the one that answers, as
   * `event.answers` says. With a `schema` (JSON Schema, draft 2020-12), an answer whose `data` does not fit is refused. With a
   * `deadline`, the question closes unanswered then, and an event of type `pigeonhole.question.expired` comes in place of the answer.
   * Returns the question's id. Throws VALUE_INVALID if the schema is none.
   */
  requireInput(question: { prompt: string; schema?: JsonObject; deadline?: When }): string;
  /**
   * Ends the task as COMPLETED when the handler returns; events that still wait are dropped. Of several calls, the last counts. The reason
   * has at most 1,024 characters. Throws VALUE_INVALID, and in onTaskCancel always.
   */
  complete(reason?: string): void;
  /**
   * Ends the task as FAILED when the handler returns; what the turn showed stays. Throwing, in contrast, is tried again. Its reason is bound
   * as that of `complete`.
   */
  fail(reason: string): void;
}

/** A moment: so many ms from now, or a date. */
export type When = { in: Millis; at?: undefined } | { at: Date; in?: undefined };

/** What goes with an event that an agent sends. */
export interface EventOptions {
  /** What kind of event it is, at most 128 characters, not beginning with `pigeonhole.`. */
  type?: string;
  metadata?: JsonObject;
}

/** The mailbox of a turn's task. */
export interface TurnMailbox {
  /** How many events waited when the turn began, not counting those that it handles. */
  readonly pending: number;
  /** Looks at the events that wait, in the order in which they would be handled: `max` of them, 1 to 1,000, default 100. */
  peek(options?: { max?: number }): Promise<AgentEvent[]>;
  /**
   * Draws events into the running turn, in the order in which they would be handled: they are settled with it, by its one commit, and
   * wait again if it fails. Gives at most `max` (1 to 1,000, default 1), or fewer that make about 4 MiB, and at least one, waiting for
   * it up to `wait` ms (0 to 86,400,000, default 0); none when none came, nor once the turn has 10,000 in hand. `steering` gives only those
   * that were sent with STEER. Rejects with the signal's reason when that aborts.
   */
  take(options?: { max?: number; wait?: Millis; steering?: boolean }): Promise<AgentEvent[]>;
}

/**
 * Other tasks, from inside a turn. What changes them is sent if and only if the turn commits, in its order, at most 1,000 of it in a turn.
 * The turn fails, and is tried again, if one of it is refused then; what can be known earlier is thrown at the call.
 */
export interface TurnTasks {
  /**
   * Makes a child of this task, or finds the unfinished one of that name. A child's end arrives in this task's mailbox as an event of type
   * `pigeonhole.task.ended`, and it is cancelled with this task; a task that is found keeps the parent that it has, if any. Resolves with
   * its id. Rejects with AGENT_NOT_FOUND, TASK_NAME_TAKEN, VALUE_INVALID, FAN_OUT_EXCEEDED if there are too many parents above it, or
   * TASK_FINISHED if this task was cancelled, or the one that is found and is to get an event.
   */
  create(task: NewChildTask): Promise<string>;
  /** Sends an event to a task. Resolves with its id. Rejects with TASK_NOT_FOUND, TASK_FINISHED, VALUE_INVALID or FAN_OUT_EXCEEDED. */
  send(
    taskId: string,
    content: Content,
    options?: EventOptions & { onBusy?: BusyPolicy; deliver?: When },
  ): Promise<string>;
  /** Cancels a task, unless it has ended by then. Rejects with TASK_NOT_FOUND. */
  cancel(taskId: string, reason?: string): Promise<void>;
  /** Follows the log of a task, as SubscribeTask does, until its end or the turn's. Throws TASK_NOT_FOUND. */
  subscribe(taskId: string, options?: { afterSequence?: number }): AsyncIterable<TaskUpdate>;
}

/** A task that an agent makes. */
export interface NewChildTask {
  agent: string;
  name?: string;
  params?: JsonObject;
  labels?: Readonly<Record<string, string>>;
  /** A first event. */
  event?: Content;
  type?: string;
  /** How long it may take, in ms. */
  ttl?: Millis;
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
  /** The principal that the task belongs to; empty when it is the server's. */
  readonly owner: string;
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
  /** The id of the question that it answers; empty when it answers none. */
  readonly answers: string;
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
   * Throws VALUE_INVALID if the content has no parts, is not valid or takes more than 1,048,576 bytes encoded, or if the turn has begun
   * 50,000 messages already.
   */
  send(content: Content, options?: MessageOptions): Promise<string>;
  /**
   * Begins a message that grows. It shows with its first addition, never without one, and is ended with the turn, at the latest. Throws
   * VALUE_INVALID if the turn has begun 50,000 messages already.
   */
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
  /** Absent: nothing is written that is of use only to whoever looks for a fault. */
  debug?(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}
