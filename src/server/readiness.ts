import type { Clock } from "./clock.ts";
import { TaskError } from "./errors.ts";
import type { Millis } from "./store/records.ts";
import type { Store } from "./store/store.ts";

/** How long the store may take to answer. */
const patience: Millis = 2000;

/** Tells why the server is not ready for requests. Undefined if it is. */
export type Readiness = () => Promise<string | undefined>;

/**
 * Makes what `/readyz` asks: the server does not drain, and its store answers a read and a write that are of nothing, within two seconds.
 * However many ask, the store is asked once at a time. Neither touches the disk: one that is full shows in the calls that it fails.
 */
export function createReadiness(store: Store, clock: Clock, draining: AbortSignal): Readiness {
  let asked: Promise<string | undefined> | undefined;

  async function ask(): Promise<string | undefined> {
    try {
      await Promise.all([store.fireTimers({ now: clock.now(), limit: 0 }), store.getTask({ id: "" })]);
      return undefined;
    } catch (error) {
      const isOverloaded = error instanceof TaskError && error.reason === "OVERLOADED";
      return isOverloaded ? "the store is overloaded" : "the store is unavailable";
    } finally {
      asked = undefined;
    }
  }

  return async () => {
    if (draining.aborted) return "draining";
    asked ??= ask();
    const late = Promise.withResolvers<string>();
    const disarm = clock.timer(patience, () => late.resolve("the store does not answer"));
    try {
      return await Promise.race([asked, late.promise]);
    } finally {
      disarm();
    }
  };
}
