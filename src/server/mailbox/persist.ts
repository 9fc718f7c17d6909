import type { Logger } from "../agent.ts";
import type { Clock } from "../clock.ts";
import { hasReason } from "../errors.ts";
import { pause } from "../pause.ts";
import { retryDelay } from "./retry-delay.ts";

export interface Persist {
  clock: Clock;
  log: Logger;
  /** Aborts when a store that does not answer is not worth waiting for any more. */
  giveUp: AbortSignal;
}

/** Writes to the store, again and again while it is unavailable: what the handler did is not to be done twice for a full disk. */
export async function persist<T>({ clock, log, giveUp }: Persist, write: () => Promise<T>): Promise<T> {
  for (let failures = 0; ; failures++) {
    try {
      return await write();
    } catch (error) {
      const passing = hasReason(error, "STORE_UNAVAILABLE", "OVERLOADED");
      if (!passing || giveUp.aborted) throw error;
      if (failures === 0) log.error("the store cannot write; the turn waits for it", { error });
      const delay = retryDelay({ initialBackoff: 50, maxBackoff: 2000 }, failures, clock.random());
      await pause(clock, delay, giveUp);
    }
  }
}
