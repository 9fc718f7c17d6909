import { type Clock, systemClock } from "../src/server/clock.ts";

/** A clock that can be made to stand still, so that what is sent arrives before a time that is soon. */
export interface HaltingClock extends Clock {
  /** Makes it stand still. Returns the time that it shows. */
  halt(): number;
  go(): void;
}

export function createHaltingClock(): HaltingClock {
  let halted: number | undefined;
  return {
    ...systemClock,
    now: () => halted ?? systemClock.now(),
    halt() {
      halted = systemClock.now();
      return halted;
    },
    go() {
      halted = undefined;
    },
  };
}
