import { type Clock, systemClock } from "../src/server/index.ts";

/** A clock that stands still until the test moves it. */
export interface ManualClock extends Clock {
  /** Lets time pass: timers that come due fire, in their order, each at its time. */
  advance(ms: number): void;
  /** Sets the clock without time having passed: no timer fires for it. */
  set(time: number): void;
  /** Resolves when the next timer is set. */
  timerSet(): Promise<void>;
}

interface Timer {
  due: number;
  callback(): void;
}

/** Makes a clock that shows a time, such as `2027-01-01T00:00:00Z`. */
export function createManualClock(start: string): ManualClock {
  let shown = Date.parse(start);
  /** What has passed since the beginning, whatever the clock was set to. */
  let passed = 0;
  const timers = new Set<Timer>();
  let waiting = Promise.withResolvers<void>();
  return {
    now: () => shown,
    random: () => 0.5,
    id: systemClock.id,
    timer(delay, callback) {
      const timer = { due: passed + delay, callback };
      timers.add(timer);
      waiting.resolve();
      waiting = Promise.withResolvers();
      return () => timers.delete(timer);
    },
    advance(ms) {
      const end = passed + ms;
      for (let next = earliest(end); next !== undefined; next = earliest(end)) {
        pass(next.due);
        timers.delete(next);
        next.callback();
      }
      pass(end);
    },
    timerSet: () => waiting.promise,
    set(time) {
      shown = time;
    },
  };

  function pass(until: number): void {
    shown += until - passed;
    passed = until;
  }

  function earliest(end: number): Timer | undefined {
    return [...timers].filter(({ due }) => due <= end).sort((a, b) => a.due - b.due)[0];
  }
}
