import { Cron } from "croner";
import { messageOf } from "../../message-of.ts";
import type { FieldViolation } from "../errors.ts";
import type { Millis } from "../store/records.ts";
import type { ScheduleTimes } from "../store/schedule-records.ts";

/** A cron expression in its time zone: what its times are a function of. */
export type CronSpec = Pick<ScheduleTimes, "cron" | "timeZone">;

/** Tells what keeps an expression from having times, if something does: the field is `cron` or `time_zone`. */
export function cronFault({ cron, timeZone }: CronSpec): FieldViolation | undefined {
  if (!isTimeZone(timeZone)) {
    const description = `must be an IANA time zone, such as Europe/Berlin, and not ${JSON.stringify(timeZone)}`;
    return { field: "time_zone", description };
  }
  const fields = cron.trim().split(/\s+/).length;
  if (fields !== 5 && fields !== 6) {
    return { field: "cron", description: "must be a cron expression of five or six fields" };
  }
  try {
    // What fires at all, fires within 400 years of any moment: the calendar then repeats.
    if (nextAfter({ cron, timeZone }, 0) !== undefined) return undefined;
    return { field: "cron", description: "must have a time to come: there is no such day" };
  } catch (error) {
    const why = messageOf(error).replace(/^CronPattern: /, "");
    return { field: "cron", description: `must be a cron expression: ${why}` };
  }
}

/**
 * Finds the first time after a moment; none if there is none before the year 10000.
 *
 * An expression with one minute and one hour that names a time of the day which clocks skip fires when they have been set forward; one that
 * they show twice, at the first. Others fire at every moment at which the clock shows what they say.
 */
export function nextAfter(spec: CronSpec, time: Millis): Millis | undefined {
  return parse(spec).nextRun(new Date(time))?.getTime();
}

/** Lists the times after one moment and up to another, oldest first: the latest `max` of them. */
export function latestTimes(spec: CronSpec, after: Millis, until: Millis, max: number): Millis[] {
  const cron = parse(spec);
  const found: Millis[] = [];
  let before = until + 1;
  while (found.length < max) {
    const [time] = cron.previousRuns(1, new Date(before));
    if (time === undefined || time.getTime() <= after) break;
    before = time.getTime();
    found.push(before);
  }
  return found.reverse();
}

function parse({ cron, timeZone }: CronSpec): Cron {
  return new Cron(cron, { timezone: timeZone, mode: "5-or-6-parts" });
}

function isTimeZone(name: string): boolean {
  // An offset, such as +01:00, is known to Intl, and is no zone.
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
