import type { Logger } from "../agent.ts";
import type { Clock } from "../clock.ts";
import type { Millis } from "../store/records.ts";
import type { Store } from "../store/store.ts";
import { createAlarm, storeBackoff } from "./alarm.ts";

/** How many tasks that can go on one look at the store brings. */
const lookLimit = 500;

export interface BacklogOptions {
  store: Pick<Store, "dueTasks">;
  /** The agents whose tasks are looked for. */
  agents: readonly string[];
  clock: Clock;
  log: Logger;
  /** Whether one more turn may run. */
  hasRoom(): boolean;
  /** Begins with a task, for which there is room. */
  begin(taskId: string): void;
  /** Counts the tasks that are due and cannot go on yet. */
  blocked(): number;
}

/** The tasks that are due and not begun with: a few that are known, due longest first, and all others in the store. */
export interface Backlog {
  /** Whether some wait for room, as far as is known. */
  isWaiting(): boolean;
  /** Notes that there is no room for a task that is due: it is found in the store when there is. */
  leave(): void;
  /** Uses the room there is for those that wait for some. */
  fill(): void;
  /** Looks for those that are due, begins with as many as there is room for, and looks again when the next is. */
  look(): Promise<void>;
  /** Looks at a time. */
  lookAt(time: Millis): void;
  /** Looks no more. */
  stop(): void;
}

export function createBacklog(options: BacklogOptions): Backlog {
  const { store, agents, clock, log, hasRoom, begin, blocked } = options;
  const alarm = createAlarm(clock, () => void look());
  let stopped = false;
  /** Those that there was no room for when the store was asked, due longest first. */
  let ready: string[] = [];
  /** Whether the store may hold more of them. */
  let behind = false;
  /** Whether the store is being asked, and whether it is to be asked again after that. */
  let looking = false;
  let again = false;
  return {
    isWaiting: () => behind || ready.length > 0,
    leave() {
      behind = true;
    },
    fill,
    look,
    lookAt: alarm.set,
    stop() {
      stopped = true;
      alarm.stop();
    },
  };

  function fill(): void {
    while (hasRoom()) {
      const taskId = ready.shift();
      if (taskId === undefined) break;
      begin(taskId);
    }
    if (behind && ready.length === 0 && hasRoom()) void look();
  }

  async function look(): Promise<void> {
    if (stopped) return;
    again = looking;
    if (looking) return;
    looking = true;
    behind = false;
    // Those that cannot go on are not to stand in the way of the others.
    const limit = lookLimit + blocked();
    try {
      const { taskIds, nextDueTime } = await store.dueTasks({ agents, now: clock.now(), limit });
      if (taskIds.length === limit) behind = true;
      ready = taskIds;
      fill();
      if (nextDueTime !== undefined) alarm.set(nextDueTime);
    } catch (error) {
      log.error("the store did not tell which tasks are due", { error });
      alarm.set(clock.now() + storeBackoff);
    } finally {
      looking = false;
    }
    if (again) void look();
  }
}
