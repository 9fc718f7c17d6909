import type { Commit } from "../../src/server/store/calls.ts";
import type { Millis } from "../../src/server/store/records.ts";
import type { Scene } from "./scene.ts";

/** Gathers what a store tells from now on. */
export function listen({ store }: Scene) {
  const commits: Commit[] = [];
  let heard = Promise.withResolvers<void>();
  const stop = store.watch((commit) => {
    commits.push(commit);
    heard.resolve();
  });
  return {
    commits,
    stop,
    /** Waits until something that is looked for has been told. */
    async until<T>(find: (commit: Commit) => T | undefined): Promise<T> {
      for (;;) {
        heard = Promise.withResolvers<void>();
        for (const commit of commits) {
          const found = find(commit);
          if (found !== undefined) return found;
        }
        await heard.promise;
      }
    },
  };
}

/** Finds when a commit tells that a task is due. */
export function dueAt(taskId: string): (commit: Commit) => Millis | undefined {
  return (commit) => commit.due.find((due) => due.taskId === taskId)?.time;
}
