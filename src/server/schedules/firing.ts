import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { EventInputSchema } from "../../proto.ts";
import type { Agent } from "../agent.ts";
import type { Clock } from "../clock.ts";
import { busyPolicies, busyPolicyOf } from "../mailbox/busy-policy.ts";
import type { NewEvent } from "../store/calls.ts";
import type { Millis } from "../store/records.ts";
import type { Firing, ScheduleRecord } from "../store/schedule-records.ts";
import { sendSpan } from "../telemetry/spans.ts";

/** Makes what a schedule does for one of its times. Without its agent it makes nothing new. `limit` is as its owner's TaskRoom says. */
export function createFiring(
  schedule: ScheduleRecord,
  time: Millis,
  agent: Agent | undefined,
  clock: Clock,
  limit: { reachedTasks?: number },
): Firing {
  const { taskName, params, labels, event } = schedule.action;
  const id = clock.id();
  const origin = sendSpan({ id, agent: schedule.agent });
  return {
    time,
    task: {
      taskId: clock.id(),
      ...(schedule.owner !== undefined && { creator: schedule.owner }),
      agent: schedule.agent,
      ...(agent === undefined && { served: false }),
      ...(taskName !== undefined && { name: taskName }),
      ...(params && { params }),
      labels,
      ...limit,
      ...origin,
      ...(event && { event: { ...eventFor(id, schedule.name, event, time, agent), ...origin } }),
    },
  };
}

/** Makes the event: what the action says, from the schedule, with its name and the time in the metadata. */
function eventFor(
  id: string,
  name: string,
  content: Uint8Array,
  time: Millis,
  agent: Agent | undefined,
): NewEvent {
  const input = fromBinary(EventInputSchema, content);
  input.metadata = { ...input.metadata, schedule: { name, time: new Date(time).toISOString() } };
  input.sender ||= `schedule:${name}`;
  const onBusy = busyPolicyOf(input.onBusy) ?? agent?.onBusy ?? "queue";
  input.onBusy = busyPolicies[onBusy];
  return { id, content: toBinary(EventInputSchema, input), onBusy };
}
