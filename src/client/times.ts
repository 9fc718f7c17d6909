import { type Duration, durationFromMs, type Timestamp, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { PigeonholeError } from "./pigeonhole-error.ts";

/** Makes the duration of a time in milliseconds, rounded up to whole ones. Throws `FIELD_INVALID` if those cannot be told. */
export function durationOf(field: string, time: number): Duration {
  const ms = Math.ceil(time);
  if (!Number.isSafeInteger(ms))
    throw invalid(field, "must be a finite number of milliseconds, below 2 ** 53");
  return durationFromMs(ms);
}

/** Makes the timestamp of a date. Throws `FIELD_INVALID` if it is none. */
export function timestampOf(field: string, date: Date): Timestamp {
  if (Number.isNaN(date.getTime())) throw invalid(field, "must be a valid date");
  return timestampFromDate(date);
}

function invalid(field: string, description: string): PigeonholeError {
  const fields = [{ field, description }];
  return new PigeonholeError("FIELD_INVALID", Code.InvalidArgument, `${field}: ${description}`, { fields });
}
