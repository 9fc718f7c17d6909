import type { JsonObject } from "@bufbuild/protobuf";
import {
  type Event,
  type Message,
  type OnBusy,
  type Task,
  TaskState,
  type TaskUpdate,
} from "../src/proto.ts";

/** What a client learned of one try of a request. */
export type Outcome<Answer> =
  | { kind: "acknowledged"; answer: Answer; duplicate: boolean }
  /** An error that says that it had no effect, and never will have one. */
  | { kind: "refused"; reason: string }
  /** An error that says that it had no effect, and may be tried again. */
  | { kind: "failed"; reason: string }
  /** The connection broke: it may have had its effect. */
  | { kind: "unknown" };

/** A request, under one id, and what came of its tries, in their order. */
export interface Request<Answer> {
  requestId: string;
  outcomes: Outcome<Answer>[];
}

export interface CreateRequest extends Request<Task> {
  /** How long the task may take, in ms. */
  ttl?: number;
}

export interface SendRequest extends Request<Event> {
  /** What the event says, which no other event says. */
  text: string;
  /** How the agent is to handle it. */
  type: string;
  onBusy?: OnBusy;
  /** The id of the question that it answers. */
  answers?: string;
  /** When to deliver it, in ms since 1970. */
  deliverTime?: number;
  /** The request to take it back. Default: there was none. */
  unsend?: Request<Event>;
}

/** A request to stop what a task does, for a reason. */
export interface CancelRequest extends Request<Task> {
  reason: string;
}

/** What the clients of one task saw of it. */
export interface TaskHistory {
  create: CreateRequest;
  sends: SendRequest[];
  cancels: CancelRequest[];
  /** The requests to interrupt it. Default: there were none. */
  interrupts?: CancelRequest[];
  /** What each subscriber was told, over all its connections, without heartbeats. */
  logs: TaskUpdate[][];
  /** What could be read once the task had ended. */
  end: TaskEnd;
  /** Whether it was deleted after that. Default false. */
  deleted?: boolean;
}

export interface TaskEnd {
  /** The log, read from its begin. */
  log: TaskUpdate[];
  task: Task;
  events: Event[];
  messages: Message[];
  state: JsonObject;
  revision: bigint;
}

/** How an agent rules its mailboxes, as far as it shows in what clients see. */
export interface Rules {
  /** Whether it has something to say before it handles events. Default true. */
  greets?: boolean;
  /** How many turns of a task may be in hand at once. Default 1. */
  parallel?: number;
  /** How events are gathered for one turn. Default: each has its own. */
  batch?: { max: number };
  /** The most events that may wait for a task. Default: more than there are. */
  maxPending?: number;
  /** How long a turn may take, in ms. Default: as long as it likes. */
  turnTimeout?: number | undefined;
  /** Whether the deltas of messages may be compacted while clients follow. Default false. */
  compacts?: boolean;
}

/** What clients saw of all tasks of a store, and the tasks that were there in the end. */
export interface StoreHistory {
  /** How their agent rules its mailboxes. Default: one event after the other. */
  rules?: Rules;
  tasks: TaskHistory[];
  /** The creations whose outcome nobody asked for again. Their request ids are labels of their tasks. */
  abandoned: Request<Task>[];
  listed: Task[];
}

/** Whether a task that has ended was cancelled or timed out. */
export function wasStopped({ state }: Task): boolean {
  return state === TaskState.CANCELLED || state === TaskState.TIMED_OUT;
}

/** The answer of a request, if it was acknowledged. */
export function answerOf<Answer>({ outcomes }: Request<Answer>): Answer | undefined {
  const outcome = outcomes.find(({ kind }) => kind === "acknowledged");
  return outcome?.kind === "acknowledged" ? outcome.answer : undefined;
}

/** What an event or a message says. */
export function textOf({ parts }: Pick<Event | Message, "parts">): string {
  return parts.map(({ content }) => (content.case === "text" ? content.value : `[${content.case}]`)).join("");
}
