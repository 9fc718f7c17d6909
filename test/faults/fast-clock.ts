import { type Clock, systemClock } from "../../src/server/clock.ts";

/** A clock that goes faster than the machine's and can be set, as an operator or NTP sets it: what waits for a time is not told. */
export interface FastClock extends Clock {
  /** Sets it ahead by so many ms, or back by a negative number. */
  shift(by: number): void;
}

export function createFastClock(speed: number): FastClock {
  const begin = Date.now();
  let offset = 0;
  return {
    ...systemClock,
    now: () => Math.floor(begin + (Date.now() - begin) * speed + offset),
    timer: (delay, callback) => systemClock.timer(delay / speed, callback),
    shift(by) {
      offset += by;
    },
  };
}
