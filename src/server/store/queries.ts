import type { EventState, TaskState } from "../../proto.ts";
import type { Millis } from "./records.ts";

export interface CountUnfinished {
  /** The principal. */
  owner: string;
  atMost: number;
}

export interface PeekEvents {
  taskId: string;
  limit: number;
  maxBytes: number;
}

export interface DueTasks {
  agents: readonly string[];
  now: Millis;
  limit: number;
}

export interface DueTasksResult {
  taskIds: string[];
  nextDueTime?: Millis;
}

export type TaskKey = { id: string } | { name: string; owner?: string };

export interface ListTasks {
  /** Whose; the server's are those of an empty one. */
  owner?: string;
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

export interface GetStateAt {
  taskId: string;
  revision: number;
}

export interface ListStates {
  taskId: string;
  /** Where to go on: only revisions below this one. */
  beforeRevision?: number;
  limit: number;
  maxBytes: number;
}

export interface ReadLog {
  taskId: string;
  afterSequence: number;
  maxEntries: number;
  maxBytes: number;
}
