import { create, toBinary } from "@bufbuild/protobuf";
import { type EventInput, EventInputSchema } from "../../proto.ts";
import type { Content, EventOptions } from "../agent.ts";
import { type FieldViolation, TaskError } from "../errors.ts";
import type { NewEvent } from "../store/calls.ts";
import type { BusyPolicy, Millis } from "../store/records.ts";
import { sendSpan } from "../telemetry/spans.ts";
import { violations } from "../validation/index.ts";
import { busyPolicies } from "./busy-policy.ts";
import { parseContent } from "./content.ts";
import { requireJsonObject } from "./json-value.ts";

/** Through how many tasks, one after the other, events may be passed on. */
const maxHops = 256;

/** An event that an agent sends. */
export interface OutgoingEvent {
  id: string;
  content: Content;
  options?: EventOptions | undefined;
  /** The agent that sends it. */
  agent: string;
  /** The task that it goes to, if that is there already, and its agent, for the trace. */
  taskId?: string;
  to?: string | undefined;
  onBusy: BusyPolicy;
  deliverTime?: Millis | undefined;
  hops: number;
}

/** Makes the event that an agent sends, from `agent:NAME`. Throws VALUE_INVALID, or FAN_OUT_EXCEEDED if it was passed on too often. */
export function outgoingEvent({
  id,
  content,
  options,
  agent,
  taskId,
  to,
  onBusy,
  deliverTime,
  hops,
}: OutgoingEvent): NewEvent {
  if (hops > maxHops) {
    throw new TaskError("FAN_OUT_EXCEEDED", `an event may be passed on from task to task ${maxHops} times`, {
      metadata: { limit: String(maxHops) },
    });
  }
  const bytes = toBinary(EventInputSchema, eventInput(content, options, agent, onBusy));
  return {
    id,
    content: bytes,
    onBusy,
    ...(deliverTime !== undefined && { deliverTime }),
    ...(hops > 0 && { hops }),
    ...sendSpan({ id, agent: to, ...(taskId !== undefined && { taskId }) }),
  };
}

/** Makes what an agent says in an event. Throws VALUE_INVALID that names what is wrong. */
function eventInput(
  content: Content,
  { type = "", metadata }: EventOptions = {},
  agent: string,
  onBusy: BusyPolicy,
): EventInput {
  if (typeof type !== "string") throw new TaskError("VALUE_INVALID", "event.type must be a string");
  if (type.startsWith("pigeonhole.")) {
    throw new TaskError("VALUE_INVALID", "event.type must not begin with pigeonhole.");
  }
  const policy = busyPolicies[onBusy];
  if (policy === undefined) {
    throw new TaskError(
      "VALUE_INVALID",
      `event.on_busy must be one of ${Object.keys(busyPolicies).join(", ")}`,
    );
  }
  if (metadata !== undefined) requireJsonObject(metadata, "event.metadata");
  const input = create(EventInputSchema, {
    parts: parseContent(content),
    type,
    sender: `agent:${agent}`,
    onBusy: policy,
    ...(metadata && { metadata }),
  });
  requireValid("event", violations(EventInputSchema, input));
  return input;
}

/** Throws VALUE_INVALID for the first violation. */
export function requireValid(what: string, [violation]: readonly FieldViolation[]): void {
  if (violation === undefined) return;
  throw new TaskError("VALUE_INVALID", `${what}.${violation.field} ${violation.description}`);
}
