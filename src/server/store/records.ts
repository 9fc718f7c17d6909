import type {
  CancelOutcome,
  EventState,
  Handler,
  MessageAuthor,
  MessageState,
  TaskState,
} from "../../proto.ts";
import type { Reason } from "../errors.ts";

/** A moment, in whole milliseconds since 1970-01-01T00:00:00Z. */
export type Millis = number;

/** The number of a turn of its task, from 1, never given twice: the fence that its writes carry. */
export type TurnNumber = number;

/** What something failed with, as it is stored. */
export interface Failure {
  reason: Reason;
  message: string;
  /** The `name` of the error that a handler threw. */
  name?: string;
}

/** An agent, as far as the store has to know it. */
export interface AgentRecord {
  name: string;
  /** The most events of a task that may wait: QUEUED or SCHEDULED. */
  maxPending: number;
  /** The most works of a task that may be in hand. */
  parallel: number;
  /** How events are gathered for one turn. */
  batch?: { max: number; wait: Millis };
  /** How long a finished task is kept. */
  retention?: Millis;
  /** How long the deltas of a message are kept after its end. */
  keepDeltas: Millis;
  /** How many revisions of a task's state are kept. Absent: none but the present one. */
  stateHistory?: number;
  /** Whether its tasks are ACTIVE from the start, because nothing is to run before their events. Absent: they are not. */
  startsActive?: boolean;
}

/** How many events there are of an agent. */
export interface EventCounts {
  /** In mailboxes, also those that are to be tried again. */
  queued: number;
  scheduled: number;
  dead: number;
}

export interface AgentCounts {
  unfinishedTasks: number;
  pendingEvents: number;
  /** The last task that was counted, if there may be others after it. */
  next?: string;
}

/** A task. Optional fields are absent, never empty. */
export interface TaskRecord {
  id: string;
  /** Whose it is, for good. Absent when it is the server's. */
  owner?: string;
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
  expireTime?: Millis;
  question?: QuestionRecord;
  cancellation?: CancellationRecord;
  scheduledEvents: number;
  deadLetteredEvents: number;
  purgeTime?: Millis;
  /** The trace context that it was made in. */
  trace?: string;
}

/** A question that is open. */
export interface QuestionRecord {
  id: string;
  prompt: string;
  /** A JSON Schema, as JSON text. */
  schema?: string;
  createTime: Millis;
  expireTime?: Millis;
}

/** What came of a cancellation. */
export interface CancellationRecord {
  requestTime: Millis;
  outcome: CancelOutcome;
  droppedEvents: number;
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
  /** What it does to a task that is busy, as it was accepted. Only where the event answers whoever gave the content. */
  onBusy?: BusyPolicy;
  state: EventState;
  attempt: number;
  lastError?: Failure;
  createTime: Millis;
  updateTime: Millis;
  deliverTime?: Millis;
  /** The trace context that it was sent in. Absent in a log entry. */
  trace?: string;
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
  eventIds: string[];
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
  /** The entries, of increasing sequences: a gap is where deltas were compacted. */
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

/** A revision of a task's state that is kept. */
export interface StateRevision {
  revision: number;
  /** The first entry of the log that shows the task with it. */
  sequence: number;
  commitTime: Millis;
  /** The keys that it set or deleted. */
  changedKeys: string[];
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

/** What an event does to a task that is busy: see `pigeonhole.v1.OnBusy`. */
export type BusyPolicy = "queue" | "interrupt" | "reject" | "steer";
