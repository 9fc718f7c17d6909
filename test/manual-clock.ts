import { type Clock, systemClock } from "../src/server/clock.ts";
import type { Millis } from "../src/server/store/records.ts";

/** A clock that stands still until the test moves it. Its randomness is the upper end. */
export interface ManualClock extends Clock {
  /** Lets time pass: timers that come due fire, in their order, each at its time. */
  advance(time: Millis): void;
  /** Sets the clock without time having passed: no timer fires for it. */
  set(time: Millis): void;
  /** Resolves when the next timer is set. */
  timerSet(): Promise<void>;
  /** Resolves when a timer is set that is due so long after the beginning. */
  armed(offset: Millis): Promise<void>;
  /** How much time has passed since the beginning, whatever the clock was set to. */
  elapsed(): Millis;
}

interface Timer {
  due: Millis;
  callback(): void;
}

/** Makes a clock that shows a time, such as `2027-01-01T00:00:00Z`. */
export function createManualClock(start = new Date().toISOString()): ManualClock {
  let shown = Date.parse(start);
  let passed = 0;
  const timers = new Set<Timer>();
  let waiting = Promise.withResolvers<void>();
  let watchers: { due: Millis; resolve(): void }[] = [];
  return {
    now: () => shown,
    random: () => 1,
    id: systemClock.id,
    elapsed: () => passed,
    timer(delay, callback) {
      const timer = { due: passed + delay, callback };
      timers.add(timer);
      waiting.resolve();
      waiting = Promise.withResolvers();
      for (const { due, resolve } of watchers) if (due === timer.due) resolve();
      watchers = watchers.filter(({ due }) => due !== timer.due);
      return () => timers.delete(timer);
    },
    advance(time) {
      const end = passed + time;
      for (let next = earliest(end); next !== undefined; next = earliest(end)) {
        pass(next.due);
        timers.delete(next);
        next.callback();
      }
      pass(end);
    },
    set(time) {
      shown = time;
    },
    timerSet: () => waiting.promise,
    armed(offset) {
      if ([...timers].some(({ due }) => due === offset)) return Promise.resolve();
      return new Promise((resolve) => watchers.push({ due: offset, resolve }));
    },
  };

  function pass(until: Millis): void {
    shown += until - passed;
    passed = until;
  }

  function earliest(end: Millis): Timer | undefined {
    return [...timers].filter(({ due }) => due <= end).sort((a, b) => a.due - b.due)[0];
  }
}
