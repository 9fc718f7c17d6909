import { create, toBinary } from "@bufbuild/protobuf";
import { type EventInput, EventInputSchema, OnBusy } from "../../proto.ts";
import type { NewEvent } from "../store/calls.ts";
import type { BusyPolicy, Millis } from "../store/records.ts";
import { originOf } from "../telemetry/trace-context.ts";
import { busyPolicies, busyPolicyOf } from "./busy-policy.ts";
import { fieldInvalid, requireNear } from "./time-fields.ts";

/** What event types begin with that are the server's own. */
const ownTypes = "pigeonhole.";

/** An event from outside: what it says, with every choice made, and what is stored of it. */
export interface IncomingEvent {
  input: EventInput;
  event: NewEvent;
}

/** What a request says of an event, whole or as one of its fields. */
export type EventContent = Pick<
  EventInput,
  "type" | "sender" | "parts" | "metadata" | "deliverTime" | "onBusy" | "answers"
>;

export interface IncomingEventOptions {
  id: string;
  input: EventContent;
  /** Where the event is in its request, as in `event.`, for the fields that errors name. */
  path: string;
  /** What it does to a task that is busy if it does not say. */
  onBusy: BusyPolicy;
  now: Millis;
}

/**
 * Makes an event of what a request says. Throws FIELD_INVALID if its type is one of the server's own, its `deliver_time` is more than 3,660
 * days ahead, or is ahead and goes with ON_BUSY_REJECT or with an answer: both concern the task as it is now.
 */
export function incomingEvent({ id, input, path, onBusy, now }: IncomingEventOptions): IncomingEvent {
  const { parts, type, sender, metadata, answers, deliverTime: asked } = input;
  if (input.type.startsWith(ownTypes)) {
    throw fieldInvalid(`${path}type`, `must not begin with ${ownTypes}, as the server's own events do`);
  }
  const deliverTime = asked && requireNear(`${path}deliver_time`, asked, now);
  const later = deliverTime !== undefined && deliverTime > now;
  if (later && (input.onBusy === OnBusy.REJECT || input.answers !== "")) {
    const what = input.answers === "" ? "on_busy is ON_BUSY_REJECT" : "the event answers a question";
    throw fieldInvalid(`${path}deliver_time`, `must not be ahead when ${what}`);
  }
  // An agent that refuses what comes while it is busy does not mean what is for later, nor the answer that it waits for.
  const accepts = later || input.answers !== "";
  const policy = busyPolicyOf(input.onBusy) ?? (accepts && onBusy === "reject" ? "queue" : onBusy);
  const made = create(EventInputSchema, {
    ...{ parts, type, sender, answers, onBusy: busyPolicies[policy] },
    ...(metadata && { metadata }),
  });
  return {
    input: made,
    event: {
      id,
      content: toBinary(EventInputSchema, made),
      onBusy: policy,
      ...(deliverTime !== undefined && { deliverTime }),
      ...(input.answers !== "" && { answers: input.answers }),
      ...originOf(),
    },
  };
}
