import type { CreateTask, RequestKey } from "./calls.ts";
import type { Millis, TaskRecord } from "./records.ts";

/** What becomes of times that were missed: see `pigeonhole.v1.Missed`. */
export type MissedPolicy = "skip" | "latest" | "all";

/** What becomes of a time at which an earlier firing is not finished: see `pigeonhole.v1.Overlap`. */
export type OverlapPolicy = "allow" | "skip" | "replace";

/** When a schedule fires. */
export interface ScheduleTimes {
  cron: string;
  timeZone: string;
  missed: MissedPolicy;
  overlap: OverlapPolicy;
}

/** What a schedule does when it fires. Optional fields are absent, never empty. */
export interface ScheduleDeed {
  taskName?: string;
  /** An encoded `google.protobuf.Struct`. */
  params?: Uint8Array;
  labels: Record<string, string>;
  /** An encoded `pigeonhole.v1.EventInput`. */
  event?: Uint8Array;
}

/** Which schedule. */
export interface ScheduleKey {
  name: string;
  /** Whose. Absent when it is the server's. */
  owner?: string;
}

/** A schedule as it is asked for. */
export interface ScheduleDefinition extends ScheduleKey {
  agent: string;
  spec: ScheduleTimes;
  action: ScheduleDeed;
}

/** A schedule. Optional fields are absent, never empty. */
export interface ScheduleRecord extends ScheduleDefinition {
  /** Identifies the definition: another one when the schedule is made anew, or declared otherwise. */
  id: string;
  paused: boolean;
  pauseReason?: string;
  declared: boolean;
  /** Absent while it is paused, and when its times have come to an end. */
  nextTime?: Millis;
  /** The latest of its times that was fired for or skipped: none up to it fires again. */
  settledTime?: Millis;
  lastTime?: Millis;
  lastTaskId?: string;
  fired: number;
  skipped: number;
  lastError?: string;
  createTime: Millis;
  updateTime: Millis;
}

/** A schedule to make, with the first of its times. */
export interface NewSchedule extends ScheduleDefinition {
  id: string;
  nextTime: Millis;
}

export interface CreateSchedule extends NewSchedule {
  paused: boolean;
  /** How many schedules its owner may have. */
  limit: number;
  /** Whether its agent is there. Default true. If it is not, only a request that was answered before is answered. */
  served?: boolean;
  request?: RequestKey;
  now: Millis;
}

export interface ListSchedules {
  agent?: string;
  /** Whose; the server's are those of an empty one. */
  owner?: string;
  /** Where to go on: only schedules whose owners, and then names, sort after these. */
  after?: { owner: string; name: string };
  limit: number;
  maxBytes: number;
}

export interface PauseSchedule extends ScheduleKey {
  reason?: string;
  now: Millis;
}

export interface ResumeSchedule extends ScheduleKey {
  /** Absent when no time is ahead. */
  nextTime?: Millis;
  now: Millis;
}

export interface DeclareSchedules {
  /** Whose declarations these are: all of these agents. */
  agents: readonly string[];
  schedules: readonly NewSchedule[];
  now: Millis;
}

export interface DueSchedules {
  agents: readonly string[];
  now: Millis;
  limit: number;
}

export interface DueSchedulesResult {
  /** Those that are due, longest first. */
  schedules: ScheduleRecord[];
  /** When the next one that is not due yet will be. */
  nextTime?: Millis;
}

/** One firing: the task to make or to find by its name, and the event for it. */
export interface Firing {
  /** The time that it is for. */
  time: Millis;
  task: Omit<CreateTask, "request" | "now">;
}

export interface FireSchedule extends ScheduleKey {
  /** The fence: the definition that is fired, and the `nextTime` that it is at. */
  id: string;
  expectedTime: Millis;
  firings: readonly Firing[];
  /** How many times are skipped. */
  skipped: number;
  /** The latest time that this fires for or skips. */
  settledTime: Millis;
  /** The time that follows it, if there is one. */
  nextTime?: Millis;
  now: Millis;
}

export interface FiredSchedule {
  /** Whether this has fired it; otherwise it had moved on, and nothing happened. */
  fired: boolean;
  /** The tasks that were sent to. */
  taskIds: string[];
  /** How many of them were made. */
  made: number;
  /** How many times were skipped because no further task may be made. */
  overLimit: number;
}

export interface TriggerSchedule extends ScheduleKey {
  firing: Firing;
  request?: RequestKey;
  now: Millis;
}

export interface TriggeredSchedule {
  schedule: ScheduleRecord;
  task: TaskRecord;
  /** Whether it made the task. */
  created: boolean;
  duplicate: boolean;
}
