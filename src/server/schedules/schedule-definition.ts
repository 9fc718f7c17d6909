import { toBinary } from "@bufbuild/protobuf";
import { EventInputSchema, Missed, Overlap, type ScheduleAction, type ScheduleSpec } from "../../proto.ts";
import { type FieldViolation, TaskError } from "../errors.ts";
import type { Millis } from "../store/records.ts";
import type {
  MissedPolicy,
  OverlapPolicy,
  ScheduleDeed,
  ScheduleDefinition,
  ScheduleTimes,
} from "../store/schedule-records.ts";
import { structBytes } from "../struct.ts";
import { cronFault, nextAfter } from "./cron.ts";

/** What a request, or an agent, says of a schedule. */
export interface ScheduleInput {
  name: string;
  agent: string;
  spec?: ScheduleSpec | undefined;
  action?: ScheduleAction | undefined;
}

/** The policies by the protocol's enums. */
export const missedPolicies: Record<Missed, MissedPolicy> = {
  [Missed.UNSPECIFIED]: "latest",
  [Missed.SKIP]: "skip",
  [Missed.LATEST]: "latest",
  [Missed.ALL]: "all",
};
export const overlapPolicies: Record<Overlap, OverlapPolicy> = {
  [Overlap.UNSPECIFIED]: "allow",
  [Overlap.ALLOW]: "allow",
  [Overlap.SKIP]: "skip",
  [Overlap.REPLACE]: "replace",
};

/** Makes the definition of a schedule that is within its declared bounds. Throws FIELD_INVALID that names what the schedule cannot be. */
export function scheduleDefinition({ name, agent, spec, action }: ScheduleInput): ScheduleDefinition {
  const times: ScheduleTimes = {
    cron: spec?.cron ?? "",
    timeZone: spec?.timeZone || "UTC",
    missed: missedPolicies[spec?.missed ?? Missed.UNSPECIFIED],
    overlap: overlapPolicies[spec?.overlap ?? Overlap.UNSPECIFIED],
  };
  const cron = cronFault(times);
  const fault = cron === undefined ? actionFault(action) : { ...cron, field: `spec.${cron.field}` };
  if (fault !== undefined) throw invalid(fault);
  return { name, agent, spec: times, action: deed(action) };
}

/** Finds the first of a schedule's times after a moment. Throws FIELD_INVALID if there is none. */
export function firstTime(spec: ScheduleTimes, now: Millis): Millis {
  const time = nextAfter(spec, now);
  if (time !== undefined) return time;
  throw invalid({ field: "spec.cron", description: "must have a time to come" });
}

function actionFault(action: ScheduleAction | undefined): FieldViolation | undefined {
  const event = action?.event;
  if (event === undefined && action?.taskName) {
    return { field: "action.event", description: "must be set: without one, task_name must be empty" };
  }
  if (event?.deliverTime !== undefined) {
    return { field: "action.event.deliver_time", description: "must not be set: the schedule says when" };
  }
  if (event?.answers) {
    return { field: "action.event.answers", description: "must not be set: a schedule answers no question" };
  }
  if (event?.type.startsWith("pigeonhole.")) {
    return { field: "action.event.type", description: "must not begin with pigeonhole." };
  }
  return undefined;
}

function deed(action: ScheduleAction | undefined): ScheduleDeed {
  return {
    ...(action?.taskName && { taskName: action.taskName }),
    ...(action?.params && { params: structBytes(action.params) }),
    labels: { ...action?.labels },
    ...(action?.event && { event: toBinary(EventInputSchema, action.event) }),
  };
}

function invalid(fault: FieldViolation): TaskError {
  return new TaskError("FIELD_INVALID", `${fault.field}: ${fault.description}`, { fields: [fault] });
}
