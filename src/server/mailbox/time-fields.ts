import type { Duration, Timestamp } from "@bufbuild/protobuf/wkt";
import { maxTimeAhead } from "../define-agent.ts";
import { TaskError } from "../errors.ts";
import type { Millis } from "../store/records.ts";

const day: Millis = 86_400_000;

/** Gives the first millisecond that is not before a time. Throws FIELD_INVALID if that is more than 3,660 days ahead. */
export function requireNear(field: string, time: Timestamp, now: Millis): Millis {
  const millis = wholeMillis(time);
  if (millis - now > maxTimeAhead) {
    throw fieldInvalid(field, `must be at most ${maxTimeAhead / day} days ahead`);
  }
  return millis;
}

/** Gives the milliseconds of a point in time or a span, rounded up: nothing is done too early. */
export function wholeMillis({ seconds, nanos }: Timestamp | Duration): Millis {
  return Number(seconds) * 1000 + Math.ceil(nanos / 1_000_000);
}

/** Makes the error for a field that is out of its bounds. */
export function fieldInvalid(field: string, description: string): TaskError {
  return new TaskError("FIELD_INVALID", `${field}: ${description}`, { fields: [{ field, description }] });
}
