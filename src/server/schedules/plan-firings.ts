import type { Millis } from "../store/records.ts";
import type { ScheduleTimes } from "../store/schedule-records.ts";
import { latestTimes, nextAfter } from "./cron.ts";

/** How long after its time a schedule still fires on time. */
const grace: Millis = 60_000;
/** The most missed times that are fired for, and the most that are counted as skipped. */
const maxMissed = 1000;
/** The most times of one schedule that are fired for in one transaction. */
const maxTogether = 20;

/** A step of a schedule from one of its times to a later one. */
export interface FiringStep {
  /** The times to fire for. */
  times: Millis[];
  skipped: number;
  /** The latest time that this settles. */
  settledTime: Millis;
  /** The time that follows it, if there is one. */
  nextTime?: Millis;
}

/**
 * Plans what a schedule that is due does about its times from `nextTime` until now, in steps that follow each other.
 *
 * A time is missed when it is more than a minute past, or another time of the schedule has come since. Of those missed, at most 1,000
 * are fired for, and at most 1,000 others are counted.
 */
export function planFirings(spec: ScheduleTimes, nextTime: Millis, now: Millis): FiringStep[] {
  const most = spec.missed === "all" ? 2 * maxMissed : maxMissed + 1;
  const found = latestTimes(spec, nextTime - 1, now, most);
  // The rules of a time zone may have changed since the time was promised.
  const due = found.length > 0 ? found : [nextTime];
  const latest = due.at(-1) ?? nextTime;
  const skipped = Math.max(0, due.length - countToFire(spec, now - latest));
  const times = due.slice(skipped);
  const steps: FiringStep[] = [];
  // One step at least: what skips all moves on, too.
  for (let begin = 0; begin === 0 || begin < times.length; begin += maxTogether) {
    const together = times.slice(begin, begin + maxTogether);
    const settledTime = together.at(-1) ?? latest;
    const following = times[begin + maxTogether] ?? nextAfter(spec, settledTime);
    steps.push({
      times: together,
      skipped: begin === 0 ? skipped : 0,
      settledTime,
      ...(following !== undefined && { nextTime: following }),
    });
  }
  return steps;
}

/** Tells how many of the times that are due are fired for: the latest of them. */
function countToFire({ missed }: ScheduleTimes, late: Millis): number {
  if (missed === "all") return maxMissed;
  return missed === "latest" || late <= grace ? 1 : 0;
}
