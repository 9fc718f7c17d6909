import { maxTimeAhead } from "../define-agent.ts";
import { TaskError } from "../errors.ts";
import type { Millis } from "../store/records.ts";

/** A moment that an agent means, of which it must say one: `in` so many ms, or `at` a date. */
export interface Moment {
  in?: Millis | undefined;
  at?: Date | undefined;
}

/** Computes the time that an agent means. Throws VALUE_INVALID, naming it by `what`, if it is none or more than 3,660 days ahead. */
export function timeOf(when: Moment, now: Millis, what: string): Millis {
  if (typeof when !== "object" || when === null)
    throw invalid(what, "must say `in` how many ms, or `at` which date");
  if ((when.in === undefined) === (when.at === undefined)) {
    throw invalid(what, "must say either `in` how many ms, or `at` which date");
  }
  if (when.in !== undefined) return now + wholeNumber(`${what}: in`, when.in, 0, maxTimeAhead);
  const time = when.at instanceof Date ? when.at.getTime() : Number.NaN;
  if (Number.isNaN(time)) throw invalid(`${what}: at`, "must be a valid date");
  if (time > now + maxTimeAhead) throw invalid(`${what}: at`, "must be at most 3,660 days ahead");
  // The time of a date is whole, and one long past means the same as now.
  return Math.max(0, time);
}

/** Gives a number back. Throws VALUE_INVALID unless it is whole and within its bounds. */
export function wholeNumber(what: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw invalid(what, `must be a whole number from ${min} to ${max}`);
}

function invalid(what: string, description: string): TaskError {
  return new TaskError("VALUE_INVALID", `${what} ${description}`);
}
