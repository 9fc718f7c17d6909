import type { Clock } from "./clock.ts";
import type { Millis } from "./store/records.ts";
import type { Store } from "./store/store.ts";

/** Holds each principal to a number of unfinished tasks. */
export interface TaskQuota {
  /**
   * Makes room for a task that a call is about to make. Gives the bound in its place if there is none, so that the store makes no task of
   * the call, which may be answered yet with one that is there.
   */
  reserve(owner: string): Promise<number | undefined>;
  /** Gives room back that was made for nothing. */
  release(owner: string): void;
}

interface Count {
  /** Never less than what there is. */
  most: number;
  readTime: Millis;
}

/** How many principals' counts are kept. One that is forgotten is read again. */
const maxKept = 10_000;
/** How old a count is, at least, that is read again. */
const rereadAfter: Millis = 1000;

/**
 * Counts without asking the store each time: what it counted last and what was made since is never less than what there is, since besides
 * tasks only end. It is read again where that reaches the bound. What agents make in their turns counts from the next reading on, and what
 * is being made while it reads may come on top.
 */
export function createTaskQuota(
  store: Pick<Store, "countUnfinished">,
  maxTasks: number,
  clock: Pick<Clock, "now">,
): TaskQuota {
  const counts = new Map<string, Promise<Count>>();

  function read(owner: string): Promise<Count> {
    counts.delete(owner);
    for (const [oldest] of counts.size >= maxKept ? counts : []) {
      counts.delete(oldest);
      break;
    }
    const readTime = clock.now();
    const reading = store.countUnfinished({ owner, atMost: maxTasks }).then((most) => ({ most, readTime }));
    counts.set(owner, reading);
    // What could not be read is asked for anew; who waits for it is told.
    reading.catch(() => counts.delete(owner));
    return reading;
  }

  return {
    async reserve(owner) {
      let count = await (counts.get(owner) ?? read(owner));
      if (count.most >= maxTasks && Math.abs(clock.now() - count.readTime) >= rereadAfter) {
        count = await read(owner);
      }
      if (count.most >= maxTasks) return maxTasks;
      count.most += 1;
      return undefined;
    },
    release(owner) {
      void counts.get(owner)?.then(
        (count) => {
          count.most -= 1;
        },
        () => {},
      );
    },
  };
}
