import type { Clock } from "../clock.ts";
import type { Millis } from "../store/records.ts";
import type { LogReaders } from "../telemetry/meter.ts";

/** One who follows a log. It is behind from its beginning until it has caught up, and again from the moment at which the log grows. */
export interface Reader {
  /** Notes that it has been told everything. */
  caughtUp(): void;
  leave(): void;
}

/** Knows who follows which log, and since when each is behind. */
export interface Readers {
  enter(taskId: string): Reader;
  /** Notes that the log of a task has grown. */
  grown(taskId: string): void;
  figures(): LogReaders;
}

export function createReaders(clock: Pick<Clock, "now">): Readers {
  const logs = new Map<string, Set<{ behindSince: Millis | undefined }>>();
  return {
    enter(taskId) {
      const place: { behindSince: Millis | undefined } = { behindSince: clock.now() };
      const others = logs.get(taskId) ?? new Set();
      logs.set(taskId, others.add(place));
      return {
        caughtUp() {
          place.behindSince = undefined;
        },
        leave() {
          others.delete(place);
          if (others.size === 0 && logs.get(taskId) === others) logs.delete(taskId);
        },
      };
    },
    grown(taskId) {
      const followers = logs.get(taskId);
      if (followers === undefined) return;
      const now = clock.now();
      for (const place of followers) place.behindSince ??= now;
    },
    figures() {
      const now = clock.now();
      let [count, lag] = [0, 0];
      for (const followers of logs.values()) {
        count += followers.size;
        for (const { behindSince = now } of followers) lag = Math.max(lag, now - behindSince);
      }
      return { count, lag };
    },
  };
}
