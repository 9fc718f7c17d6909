import { expect } from "vitest";
import { createView, follow, shown } from "../log-view.ts";
import { at, type Scene, unbounded } from "./scene.ts";

/** Expects that dueTasks finds those tasks of a scene for which startTurn has a turn to start. It starts them. */
export async function expectDueTasksStart({ store, agent, list }: Scene): Promise<void> {
  const source = { owner: "last", agents: [agent], forced: false };
  const { items: tasks } = await list();
  for (const now of [at(0), at(1e9)]) {
    const { taskIds } = await store.dueTasks({ agents: [agent], now, limit: 20_000 });
    for (const { id: taskId } of tasks) {
      const { turn } = await store.startTurn({ ...source, taskId, now });
      if (taskIds.includes(taskId) || now > at(0))
        expect([taskId, turn !== undefined]).toEqual([taskId, taskIds.includes(taskId)]);
    }
  }
}

/** Expects that the logs of a scene's tasks tell what the lists show: that no change is missing from them (G4). */
export async function expectLogsTell({ store, list }: Scene): Promise<void> {
  for (const task of (await list()).items) {
    const page = { taskId: task.id, ...unbounded };
    const { entries } = await store.readLog({ ...page, maxEntries: unbounded.limit });
    const view = createView();
    for (const entry of entries) follow(view, entry);
    const { messages, ...told } = shown(view);
    const { items: events, sequence } = await store.listEvents({ ...page, states: [] });
    expect(told).toEqual({ task, events, sequence });
    const bare = ({ content: _, deltas: __, ...message }: (typeof messages)[number]) => message;
    expect(messages.map(bare)).toEqual((await store.listMessages(page)).items.map(bare));
  }
}
