import { isMessage, type Message } from "@bufbuild/protobuf";
import { DurationSchema, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { integerSize } from "./encoded-size.ts";
import type { Check } from "./scalar-check.ts";

/** The first and the last second that a google.protobuf.Timestamp may have: of the years 1 and 9999. */
const firstSecond = -62_135_596_800n;
const lastSecond = 253_402_300_799n;
/** The longest google.protobuf.Duration in seconds: 10,000 years. */
const longestDuration = 315_576_000_000n;
const maxNanos = 999_999_999;

/** A point in time or a span, as protobuf has both. */
type Time = Message & { seconds: bigint; nanos: number };

/** Checks a google.protobuf.Timestamp. In binary any numbers may come in, and those out of range could not be answered in JSON. */
export const timestampCheck: Check = (value, findings) => {
  if (!isMessage(value, TimestampSchema)) return 0;
  const { seconds, nanos } = value;
  if (seconds < firstSecond || seconds > lastSecond) {
    findings.add("must be a time of the years 1 to 9999");
  } else if (nanos < 0 || nanos > maxNanos) {
    findings.add(`must have 0 to ${maxNanos} nanos, has ${nanos}`);
  }
  return timeSize(value);
};

/** Makes the check of a google.protobuf.Duration. With a bound, it may not be negative. */
export function createDurationCheck(maxSeconds: number | undefined): Check {
  return (value, findings) => {
    if (!isMessage(value, DurationSchema)) return 0;
    const { seconds, nanos } = value;
    if (!isDuration(seconds, nanos)) {
      findings.add(
        `must have nanos of at most ${maxNanos}, of the same sign as its seconds, of at most ${longestDuration}`,
      );
    } else if (maxSeconds !== undefined && (seconds < 0n || nanos < 0)) {
      findings.add("must not be negative");
    } else if (maxSeconds !== undefined && isLonger(seconds, nanos, BigInt(maxSeconds))) {
      findings.add(`must be at most ${maxSeconds} seconds`);
    }
    return timeSize(value);
  };
}

function isDuration(seconds: bigint, nanos: number): boolean {
  if (Math.abs(nanos) > maxNanos || seconds < -longestDuration || seconds > longestDuration) return false;
  return seconds === 0n || nanos === 0 || seconds < 0n === nanos < 0;
}

function isLonger(seconds: bigint, nanos: number, bound: bigint): boolean {
  return seconds > bound || (seconds === bound && nanos > 0);
}

/** Counts the bytes of a time encoded. Both of its numbers have a tag of one byte, and are not on the wire when they are 0. */
function timeSize({ seconds, nanos }: Time): number {
  return (seconds === 0n ? 0 : 1 + integerSize(seconds)) + (nanos === 0 ? 0 : 1 + integerSize(nanos));
}
