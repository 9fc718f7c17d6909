import type { JsonObject } from "@bufbuild/protobuf";
import type { EventState, EventWait, OnBusy, TaskPermission, TaskState } from "../proto.ts";
import type { EventContent } from "./event-content.ts";
import type { SubscribeOptions } from "./subscribe.ts";
import type { TaskView } from "./task-view.ts";

/** What every call takes. */
export interface ReadOptions {
  /** Gives the call up; it then rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** What every call takes that changes something. */
export interface WriteOptions extends ReadOptions {
  /** Identifies the request, so that making it again has no second effect. At most 128 characters. A random UUID by default. */
  requestId?: string;
}

/** What every list takes. */
export interface ListOptions extends ReadOptions {
  /** The most items to read at once, 1 to 1,000. 100 by default. */
  pageSize?: number;
}

/** The task to make. The bounds of all fields are those of `pigeonhole.v1.CreateTaskRequest`. */
export interface NewTask {
  /** The name of the agent. */
  agent: string;
  /** A name for the task, unique among unfinished tasks. If an unfinished task of that name is there, it is returned instead. */
  name?: string;
  /** What the task is about, for the agent to read. */
  params?: JsonObject;
  /** Labels to find the task by. */
  labels?: Record<string, string>;
  /** The task on whose behalf this one is made. */
  parentTaskId?: string;
  /** A first event, accepted together with the task. */
  event?: EventContent;
  /** As in WriteOptions. */
  requestId?: string;
  /** How long the task may take from its creation on, in ms, at most 3,660 days: then it is timed out. Not with `expireTime`. */
  ttl?: number;
  /** When the task is timed out, at most 3,660 days ahead. Not with `ttl`. */
  expireTime?: Date;
}

/** What goes with an event besides its parts. */
export interface SendOptions extends WriteOptions {
  /** What kind of event it is, for the agent to tell apart. At most 128 characters. */
  type?: string;
  /** Who sends it. At most 128 characters. */
  sender?: string;
  /** Annotations, kept as they are and not interpreted. */
  metadata?: JsonObject;
  /** The sequence that the task's log must be at for the event to be accepted. */
  expectedSequence?: bigint;
  /** When to deliver it, at most 3,660 days ahead: it is SCHEDULED until then. At once by default. */
  deliverTime?: Date;
  /** What it does to a task that is busy. What the agent says by default. */
  onBusy?: OnBusy;
  /** The id of the open question that it answers. */
  answers?: string;
  /** What the promise waits for: that the event is durable, which is the default, or that it is settled. */
  wait?: EventWait;
  /** How long `EventWait.PROCESSED` waits at most, in ms, up to 300,000. 30,000 by default. */
  waitTimeout?: number;
}

/** How to interrupt. */
export interface InterruptOptions extends WriteOptions {
  /** Why, for the record. At most 1,024 characters. */
  reason?: string;
}

/** Which dead-lettered events to put back. */
export type RedriveTarget = { eventId: string; all?: undefined } | { all: true; eventId?: undefined };

/** How to cancel. */
export interface CancelOptions extends WriteOptions {
  /** Why, for the agent and the record. At most 1,024 characters. */
  reason?: string;
}

/** Which tasks to list. All filters that are given must hold. */
export interface TaskFilters extends ListOptions {
  agent?: string;
  /** Only tasks in one of these states. */
  states?: TaskState[];
  /** Only tasks with all of these labels. */
  labels?: Record<string, string>;
  namePrefix?: string;
  parentTaskId?: string;
  /** Only tasks of this owner, of those that the caller sees. */
  owner?: string;
}

/** What a token for one task allows. */
export interface TaskTokenOptions extends ReadOptions {
  permissions: TaskPermission[];
  /** How long it is good for, in ms: 1,000 to 3,600,000. 600,000 by default. */
  ttl?: number;
}

/** Which revision of a state to get. */
export interface StateOptions extends ReadOptions {
  /** One that `states` lists. The present one by default. */
  revision?: bigint;
}

/** Which events to list. */
export interface EventFilters extends ListOptions {
  /** Only events in one of these states. */
  states?: EventState[];
}

/** How to watch a task's view. */
export interface ViewOptions extends Omit<SubscribeOptions, "afterSequence" | "heartbeats"> {
  /** The view to go on from. By default one that has read nothing. */
  from?: TaskView;
}
