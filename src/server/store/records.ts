import type { EventState, Handler, MessageAuthor, MessageState, TaskState } from "../../proto.ts";
import type { Reason } from "../errors.ts";

/** A moment, in whole milliseconds since 1970-01-01T00:00:00Z. */
export type Millis = number;

/** The number of a turn of its task, from 1: the fence that its writes carry. */
export type TurnNumber = number;

/** What something failed with, as it is stored. */
export interface Failure {
  reason: Reason;
  message: string;
  /** The `name` of the error that a handler threw. */
  name?: string;
}

export interface AgentRecord {
  name: string;
  maxPending: number;
}

export interface AgentCounts {
  unfinishedTasks: number;
  pendingEvents: number;
}

/** A task. Optional fields are absent, never empty. */
export interface TaskRecord {
  id: string;
  name?: string;
  agent: string;
  state: TaskState;
  statusReason?: string;
  error?: Failure;
  /** An encoded `google.protobuf.Struct`. */
  params?: Uint8Array;
  labels: Record<string, string>;
  parentTaskId?: string;
  pendingEvents: number;
  processingEventId?: string;
  sequence: number;
  createTime: Millis;
  updateTime: Millis;
  endTime?: Millis;
}

/** An event. */
export interface EventRecord {
  id: string;
  taskId: string;
  sequence: number;
  /**
   * An encoded `pigeonhole.v1.EventInput`. Absent in a log entry that only changes the event's state, and where the event answers
   * whoever gave the content.
   */
  content?: Uint8Array;
  state: EventState;
  attempt: number;
  lastError?: Failure;
  createTime: Millis;
  updateTime: Millis;
}

/** A message. */
export interface MessageRecord {
  id: string;
  taskId: string;
  sequence: number;
  eventId?: string;
  attempt: number;
  author: MessageAuthor;
  /** An encoded `pigeonhole.v1.Message` that has nothing but `parts`. Absent where deltas tell the content. */
  content?: Uint8Array;
  /** The deltas of a message that is streaming, in order. Only where a message is listed, not in a log entry. */
  deltas?: Delta[];
  state: MessageState;
  createTime: Millis;
  updateTime: Millis;
}

/** An addition to a streaming message: text for the part at `partIndex`, or that part itself. */
export interface Delta {
  messageId: string;
  partIndex: number;
  text?: string;
  /** An encoded `pigeonhole.v1.Part`. */
  part?: Uint8Array;
}

/** A turn that ended without effect. */
export interface SupersededRecord {
  handler: Handler;
  eventId?: string;
  attempt: number;
  messageIds: string[];
  error: Failure;
  retryTime?: Millis;
}

/** What a log entry says. */
export type LogContent =
  | { kind: "task"; task: TaskRecord }
  | { kind: "event"; event: EventRecord }
  | { kind: "message"; message: MessageRecord }
  | { kind: "delta"; delta: Delta }
  | { kind: "superseded"; superseded: SupersededRecord };

/** An entry of a task's log. */
export type LogEntry = { sequence: number; time: Millis } & LogContent;

/** A stretch of a log. */
export interface LogPage {
  /** The entries, of consecutive sequences. */
  entries: LogEntry[];
  /** The sequence of the log's newest entry. */
  lastSequence: number;
  /** Whether the task is in a final state, so that `lastSequence` is the log's end. */
  ended: boolean;
}

/** What an agent has stored: JSON texts by key. */
export interface StateRecord {
  values: Record<string, string>;
  revision: number;
  sequence: number;
}

/** A stretch of a list: as many items as were asked for, or fewer that make about `maxBytes` of content; one at least if there is any. */
export interface ListPage<T> {
  items: T[];
  /** Whether more items follow. */
  more: boolean;
}

/** A stretch of a list of one task, and the sequence of the task's log that it reflects. */
export interface Page<T> extends ListPage<T> {
  sequence: number;
}

/** Makes a request one request (G8). */
export interface RequestKey {
  id: string;
  /** A digest of the request's content without its id: equal if and only if the content is. */
  fingerprint: string;
}

export interface NewEvent {
  id: string;
  content: Uint8Array;
}

export interface CreateTask {
  taskId: string;
  name?: string;
  agent: string;
  params?: Uint8Array;
  labels: Record<string, string>;
  parentTaskId?: string;
  event?: NewEvent;
  request?: RequestKey;
  now: Millis;
}

export interface CreatedTask {
  task: TaskRecord;
  created: boolean;
  event?: EventRecord;
  duplicate: boolean;
}

export interface SendEvent {
  taskId: string;
  event: NewEvent;
  expectedSequence?: number;
  request?: RequestKey;
  now: Millis;
}

export interface AcceptedEvent {
  event: EventRecord;
  duplicate: boolean;
}

export interface CancelTask {
  taskId: string;
  reason?: string;
  request?: RequestKey;
  now: Millis;
}

export interface CancelledTask {
  task: TaskRecord;
  /** The tasks that this call made CANCELLING: the task and its descendants, or none. */
  cancelled: string[];
  duplicate: boolean;
}

/** Who asks for turns, and which. */
export interface TurnSource {
  /** Identifies the engine that runs the turn, for as long as its process lives. */
  owner: string;
  /** The agents that it can run. */
  agents: readonly string[];
  /** How many times a turn of the same work may be lost before it is given up. */
  maxLosses: number;
}

export interface StartTurn extends TurnSource {
  taskId: string;
  now: Millis;
}

/** A turn to run, or nothing to run now. */
export interface StartTurnResult {
  turn?: StartedTurn;
  /** When the task's next turn is due, if it is due later. */
  dueTime?: Millis;
}

/** One run of a handler. */
export interface StartedTurn {
  turn: TurnNumber;
  handler: Handler;
  /** The task as it is with this turn running. */
  task: TaskRecord;
  /** The event, of onTaskEventSend. */
  event?: EventRecord;
  /** How many turns have been started for this work, this one included. */
  attempt: number;
  /** How many of them failed. */
  failures: number;
  state: StateRecord;
}

/** What a turn shows, in the order in which it shows it. */
export type OutputEntry =
  | { kind: "message"; id: string; author: MessageAuthor; content?: Uint8Array; done: boolean }
  | { kind: "delta"; delta: Delta }
  | { kind: "end"; id: string; content: Uint8Array };

export interface AppendOutput {
  taskId: string;
  turn: TurnNumber;
  output: OutputEntry[];
  now: Millis;
}

/** How a turn leaves its task. */
export type Outcome =
  | { kind: "continue" }
  | { kind: "complete"; reason?: string }
  | { kind: "fail"; reason?: string; error: Failure };

export interface CommitTurn extends AppendOutput {
  /** JSON texts by key; null deletes. */
  changes: Record<string, string | null>;
  outcome: Outcome;
  next?: TurnSource;
}

export interface FailTurn {
  taskId: string;
  turn: TurnNumber;
  error: Failure;
  retryTime?: Millis;
  /** Whether it counts towards the failures of its work. One that was stopped from outside does not. */
  counts: boolean;
  now: Millis;
}

export interface DueTasks {
  owner: string;
  agents: readonly string[];
  now: Millis;
  limit: number;
}

export interface DueTasksResult {
  taskIds: string[];
  nextDueTime?: Millis;
}

export type TaskKey = { id: string } | { name: string };

export interface ListTasks {
  agent?: string;
  states: readonly TaskState[];
  labels: Record<string, string>;
  namePrefix?: string;
  parentTaskId?: string;
  /** Where to go on: only tasks that sort after this one. */
  before?: { createTime: Millis; id: string };
  limit: number;
  maxBytes: number;
}

export interface ListEvents {
  taskId: string;
  states: readonly EventState[];
  afterSequence: number;
  limit: number;
  maxBytes: number;
}

export interface ListMessages {
  taskId: string;
  afterSequence: number;
  limit: number;
  maxBytes: number;
}

export interface ReadLog {
  taskId: string;
  afterSequence: number;
  maxEntries: number;
  maxBytes: number;
}
