import type { JsonObject } from "@bufbuild/protobuf";
import type { Missed, Overlap } from "../proto.ts";
import type { EventContent } from "./event-content.ts";
import type { ListOptions, WriteOptions } from "./task-options.ts";

/** The schedule to make. The bounds of all fields are those of `pigeonhole.v1.CreateScheduleRequest`. */
export interface NewSchedule {
  /** Its name, unique among its owner's schedules. */
  name: string;
  /** The agent whose tasks it sends to. */
  agent: string;
  /** When it fires: five fields (minute, hour, day of month, month, day of week) or six (seconds first), as in `0 3 * * *`. */
  cron: string;
  /** The IANA time zone that `cron` is in. UTC by default. */
  timeZone?: string;
  /** What becomes of times that were missed. `Missed.LATEST` by default. */
  missed?: Missed;
  /** What becomes of a time at which an earlier firing is not finished. `Overlap.ALLOW` by default. */
  overlap?: Overlap;
  /** The name of the task to send to, made if there is no unfinished one. By default each firing makes a task. */
  taskName?: string;
  /** What a task that it makes is about. */
  params?: JsonObject;
  /** Labels of a task that it makes. */
  labels?: Record<string, string>;
  /** What the event says. Without it, a task is made and gets no event. */
  event?: EventContent;
  /** Whether it begins paused. */
  paused?: boolean;
  /** As in WriteOptions. */
  requestId?: string;
}

/** Which schedules to list. */
export interface ScheduleFilters extends ListOptions {
  agent?: string;
  /** Only schedules of this owner, of those that the caller sees. */
  owner?: string;
}

/** Whose schedule it is, for a caller that sees those of others. */
export interface ScheduleOwner {
  /** By default the caller's own, or else one of the server's. */
  owner?: string;
}

/** How to pause. */
export interface PauseOptions extends Omit<WriteOptions, "requestId">, ScheduleOwner {
  /** Why, for the record. At most 1,024 characters. */
  reason?: string;
}
