import type { Handler, MessageAuthor } from "../../proto.ts";
import type {
  BusyPolicy,
  Delta,
  EventRecord,
  Failure,
  Millis,
  QuestionRecord,
  StateRecord,
  TaskRecord,
  TurnNumber,
} from "./records.ts";

/** Makes a request one request (G8). */
export interface RequestKey {
  id: string;
  /** A digest of the request's content without its id: equal if and only if the content is. */
  fingerprint: string;
}

export interface NewEvent {
  id: string;
  content: Uint8Array;
  /** What it does to a task that is busy. Default `queue`. */
  onBusy?: BusyPolicy;
  /** When to deliver it: it is SCHEDULED until then, if that is after `now`. */
  deliverTime?: Millis;
  /** The id of the open question that it answers. */
  answers?: string;
  /** From how many tasks, one after the other, it was passed on. Default 0. */
  hops?: number;
  /** The trace context that it is sent in: not part of what it says. */
  trace?: string;
}

export interface CreateTask {
  /** Who makes it. Default the server, whose name is empty. */
  creator?: string;
  taskId: string;
  name?: string;
  agent: string;
  params?: Uint8Array;
  labels: Record<string, string>;
  parentTaskId?: string;
  event?: NewEvent;
  expireTime?: Millis;
  /** The trace context that it is made in. */
  trace?: string;
  request?: RequestKey;
  /** Whether the agent is there. Default true. If it is not, only a request that was answered before is answered. */
  served?: boolean;
  /** Set when the principal has as many unfinished tasks as this, and may have no further one: then none is made. */
  reachedTasks?: number;
  next?: TurnSource;
  now: Millis;
}

/** With `next`, also the turn that it has started. */
export interface CreatedTask extends StartTurnResult {
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
  next?: TurnSource;
  now: Millis;
}

/** With `next`, also the turn that it has started. */
export interface AcceptedEvent extends StartTurnResult {
  event: EventRecord;
  duplicate: boolean;
}

export interface CancelEvent {
  taskId: string;
  eventId: string;
  now: Millis;
}

export interface RedriveEvents {
  taskId: string;
  /** Which event. Absent: all that are dead-lettered. */
  eventId?: string;
  now: Millis;
}

export interface RedrivenEvents {
  task: TaskRecord;
  redriven: number;
}

export interface InterruptTask {
  taskId: string;
  reason?: string;
  request?: RequestKey;
  now: Millis;
}

export interface InterruptedTask {
  task: TaskRecord;
  /** How many events were dropped with the works in hand. */
  interrupted: number;
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
  duplicate: boolean;
}

/** Who asks for turns, and which. */
export interface TurnSource {
  /** Identifies the engine that runs the turn, for as long as its process lives. */
  owner: string;
  /** The agents that it can run. */
  agents: readonly string[];
}

export interface StartTurn extends TurnSource {
  taskId: string;
  /** Whether a handler of the task was left behind, so that its cancellation is FORCED. */
  forced: boolean;
  now: Millis;
}

export interface RecoverTurns {
  /** Who asks. The turns of all others are lost. */
  owner: string;
  /** How many times a turn of the same work may be lost before it is given up. */
  maxLosses: number;
  /** What becomes of it then, by its agent. Default `dead-letter`. */
  exhausted?: ReadonlyMap<string, Exhausted>;
  /** The most turns to recover. */
  limit: number;
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
  /** The events, in their order: one for onTaskEventSend, at least one for onTaskEventBatch, none for the others. */
  events: EventRecord[];
  /** The highest `hops` of these events. */
  hops: number;
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
  /** Its events wait again, at the head of the mailbox, until a time or until so many events wait. */
  | { kind: "defer"; untilTime?: Millis; untilEvents?: number }
  /** The task is INPUT_REQUIRED. */
  | { kind: "ask"; question: QuestionRecord }
  | { kind: "complete"; reason?: string }
  | { kind: "fail"; reason?: string; error: Failure };

/** What a turn asks of other tasks, or of its own. */
export type FollowUp =
  /** Makes a task; refused with TASK_NAME_TAKEN if there is an unfinished one of its name. */
  | { kind: "create"; task: Omit<CreateTask, "request" | "next" | "now" | "event"> & { event?: NewEvent } }
  | { kind: "send"; taskId: string; event: NewEvent }
  | { kind: "cancel"; taskId: string; reason?: string }
  /** Takes an event of the turn's own task back, if it is SCHEDULED. */
  | { kind: "unschedule"; eventId: string };

export interface CommitTurn extends AppendOutput {
  /** JSON texts by key; null deletes. */
  changes: Record<string, string | null>;
  /** The keys that it has read; `all` if it asked which there are. */
  reads: readonly string[] | "all";
  followUps: readonly FollowUp[];
  outcome: Outcome;
  next?: TurnSource;
}

export interface TakeEvents {
  taskId: string;
  turn: TurnNumber;
  /** Only those that were sent with `steer`. */
  steering: boolean;
  limit: number;
  maxBytes: number;
  now: Millis;
}

/** What becomes of work that is given up. */
export type Exhausted = "dead-letter" | "pause" | "fail";

export interface FailTurn {
  taskId: string;
  turn: TurnNumber;
  error: Failure;
  /** When to try again. Absent: never. */
  retryTime?: Millis;
  /** What becomes of it then. Default `dead-letter`. */
  exhausted?: Exhausted;
  /** Whether it counts towards the failures of its work. One that was stopped from outside does not. */
  counts: boolean;
  now: Millis;
}

/** A turn that was made void from outside. */
export interface StoppedTurn {
  taskId: string;
  turn: TurnNumber;
  error: Failure;
}

/** What a commit has changed. */
export interface Commit {
  /** The tasks whose logs grew, or are gone. */
  grown: readonly string[];
  /** The tasks that have a turn to start, now or later. */
  due: readonly { taskId: string; time: Millis }[];
  /** The running turns that were made void from outside: cancelled, interrupted, timed out. */
  stopped: readonly StoppedTurn[];
  /** The time of the earliest timer that was set, if one was. */
  timer?: Millis;
}

export interface FireTimers {
  now: Millis;
  limit: number;
}

export interface FiredTimers {
  /** How many were due and have fired. */
  fired: number;
  /** When the next is due: the past if more were due. */
  nextTime?: Millis;
}
