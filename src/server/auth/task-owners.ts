import type { Store } from "../store/store.ts";

/** How many tasks it remembers. */
const capacity = 10_000;

/** Tells whose a task is. */
export interface TaskOwners {
  /** Gives a task's owner, empty for the server; none if there is no such task. */
  ownerOf(taskId: string): Promise<string | undefined>;
}

/**
 * Remembers the owners of the tasks that were asked about last: an owner never changes, and no id is given twice, so that what is
 * remembered holds for good.
 */
export function createTaskOwners(store: Pick<Store, "getTask">): TaskOwners {
  const owners = new Map<string, string>();
  return {
    async ownerOf(taskId) {
      const known = owners.get(taskId);
      if (known !== undefined) return known;
      const task = await store.getTask({ id: taskId });
      if (task === undefined) return undefined;
      const { owner = "" } = task;
      owners.set(taskId, owner);
      const [oldest] = owners.keys();
      if (owners.size > capacity && oldest !== undefined) owners.delete(oldest);
      return owner;
    },
  };
}
