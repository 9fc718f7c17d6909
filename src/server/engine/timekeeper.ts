import type { Logger } from "../agent.ts";
import type { Clock } from "../clock.ts";
import type { Store } from "../store/store.ts";
import { createAlarm, storeBackoff } from "./alarm.ts";

/** How many timers fire in one transaction, at most. */
const batch = 500;

/** Fires the store's timers when they are due. It keeps the time of the next alone, however many there are. */
export interface Timekeeper {
  /** Fires what is due, and goes on. Resolves when nothing is due, or so much that it comes bit by bit, or the store does not answer. */
  start(): Promise<void>;
  /** Resolves when nothing is under way. */
  stop(): Promise<void>;
}

export function createTimekeeper({
  store,
  clock,
  log,
}: {
  store: Store;
  clock: Clock;
  log: Logger;
}): Timekeeper {
  const alarm = createAlarm(clock, () => void fire());
  let firing: Promise<void> | undefined;
  let stopped = false;
  let unwatch = () => {};
  return {
    start() {
      unwatch = store.watch(({ timer }) => {
        if (timer !== undefined) alarm.set(timer);
      });
      return fire();
    },
    async stop() {
      stopped = true;
      unwatch();
      alarm.stop();
      await firing;
    },
  };

  function fire(): Promise<void> {
    firing ??= fireDue().finally(() => {
      firing = undefined;
    });
    return firing;
  }

  async function fireDue(): Promise<void> {
    try {
      for (let fired = batch; fired === batch && !stopped; ) {
        const now = clock.now();
        const result = await store.fireTimers({ now, limit: batch });
        fired = result.fired;
        if (result.nextTime !== undefined) alarm.set(result.nextTime);
      }
    } catch (error) {
      log.error("timers that are due wait for the store", { error });
      alarm.set(clock.now() + storeBackoff);
    }
  }
}
