import { TaskError } from "./errors.ts";
import { type Limits, limitBounds } from "./limit-bounds.ts";

export type { Limits } from "./limit-bounds.ts";

/** What was refused, or cut off, for being too much: the values of the label `limit` of `pigeonhole_limit_refused_total`. */
export type LimitName =
  | "message_bytes"
  | "body_bytes"
  | "answer_bytes"
  | "header_bytes"
  | "parts"
  | "depth"
  | "mailbox"
  | "tasks"
  | "subscriptions"
  | "connection_subscriptions"
  | "request_rate"
  | "requests"
  | "store"
  | "connections"
  | "http2_resets"
  | "http2_control"
  | "http2_frames"
  | "headers_timeout"
  | "request_timeout"
  | "idle";

/** Is told of each refusal. It throws nothing, and is quick. */
export type OnLimit = (limit: LimitName) => void;

/** Fills in the defaults. Throws VALUE_INVALID, which names the limit and its bounds. */
export function resolveLimits(given: Partial<Limits> = {}): Limits {
  const names = Object.keys(limitBounds) as (keyof Limits)[];
  return Object.fromEntries(names.map((name) => [name, resolve(name, given[name])])) as Record<
    keyof Limits,
    number
  >;
}

function resolve(name: keyof Limits, value: number | undefined): number {
  const { default: otherwise, min, max } = limitBounds[name];
  if (value === undefined) return otherwise;
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new TaskError(
    "VALUE_INVALID",
    `limits.${name} must be a whole number from ${min} to ${max}, not ${value}`,
  );
}
