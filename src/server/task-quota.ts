import type { Clock } from "./clock.ts";
import type { Millis } from "./store/records.ts";
import type { Store } from "./store/store.ts";

/** Holds each principal to a number of unfinished tasks. */
export interface TaskQuota {
  /** Makes room for as many of some tasks as there may be: one by default. */
  reserve(owner: string, tasks?: number): Promise<TaskRoom>;
}

/** Room for tasks that are about to be made. */
export interface TaskRoom {
  /**
   * What the store is told with a task, the first by default: the bound if there is no room for it, so that none is made of the call, which
   * may be answered yet with one that is there.
   */
  limit(index?: number): { reachedTasks?: number };
  /** Gives back what room was made for nothing. Is called once it is known how many tasks were made. */
  settle(made: number): void;
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
    reading.catch(() => {
      if (counts.get(owner) === reading) counts.delete(owner);
    });
    return reading;
  }

  return {
    async reserve(owner, tasks = 1) {
      const known = counts.get(owner) ?? read(owner);
      let count = await known;
      const isFull = count.most + tasks > maxTasks;
      if (isFull && Math.abs(clock.now() - count.readTime) >= rereadAfter) {
        const current = counts.get(owner);
        // Of many who find it full at once, one reads: on a count of its own, each would make the same room.
        count = await (current === undefined || current === known ? read(owner) : current);
      }
      const room = Math.max(0, Math.min(tasks, maxTasks - count.most));
      count.most += room;
      return {
        limit: (index = 0) => (index < room ? {} : { reachedTasks: maxTasks }),
        // Of this count, not of one that was read since, which knows nothing of it.
        settle(made) {
          count.most -= room - made;
        },
      };
    },
  };
}
