import type { Clock } from "../clock.ts";
import type { Millis } from "../store/records.ts";

/** How long an alarm sleeps at most: the clock that tells the time may be set, and the one that counts it down is not. */
const longestSleep: Millis = 60_000;

/** How long to wait when the store does not answer. */
export const storeBackoff: Millis = 500;

/** An alarm for the earliest of the times that it was set to. It may ring early, and is then to be set again. */
export interface Alarm {
  set(time: Millis): void;
  stop(): void;
}

export function createAlarm(clock: Clock, ring: () => void): Alarm {
  let armed: { time: Millis; stop(): void } | undefined;
  let stopped = false;
  return {
    set(time) {
      if (stopped || (armed !== undefined && armed.time <= time)) return;
      armed?.stop();
      const stop = clock.timer(Math.min(Math.max(0, time - clock.now()), longestSleep), () => {
        armed = undefined;
        ring();
      });
      armed = { time, stop };
    },
    stop() {
      stopped = true;
      armed?.stop();
    },
  };
}
