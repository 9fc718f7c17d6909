import type { EventState, TaskState } from "../../proto.ts";
import type { Millis, TaskRecord } from "./records.ts";

export interface CountAgent {
  agent: string;
  /** Whose tasks. Absent: everybody's. */
  owner?: string;
  /** Where to go on: only tasks whose ids sort after this one. */
  after?: string;
  /** How many tasks are counted at the most. */
  maxScanned: number;
}

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
  before?: PlaceOfTask;
  limit: number;
  maxBytes: number;
  /** How many are looked at where no index has those alone that pass the filters: so long a page may take. At least 1. */
  maxScanned: number;
}

/** What tasks are sorted by. */
export interface PlaceOfTask {
  createTime: Millis;
  id: string;
}

/** A stretch of the list of tasks: as many as were asked for, or fewer, even none, whose content or search has come to its bound. */
export interface TaskPage {
  items: TaskRecord[];
  /** Where to go on; not there if nothing follows. */
  next?: PlaceOfTask;
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
