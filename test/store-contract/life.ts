import { expect, it } from "vitest";
import { EventState } from "../../src/proto.ts";
import type { LogPage } from "../../src/server/store/records.ts";
import type { OpenedStore } from "../store-contract.ts";
import { at, createScene, newEvent, reasonOf, show, unbounded } from "./scene.ts";

export function describeLife(open: () => Promise<OpenedStore>): void {
  it("watch tells which logs grew, once their growth can be read", async () => {
    const opened = await open();
    try {
      const { store, create, send, id } = createScene(opened.store);
      const seen: Promise<LogPage>[] = [];
      const told = Promise.withResolvers<void>();
      await create();
      const stop = store.watch((taskIds) => {
        expect(taskIds).toContain(id("task"));
        seen.push(store.readLog({ taskId: id("task"), afterSequence: 1, maxEntries: 9, maxBytes: 1e6 }));
        told.resolve();
      });
      await send("e");
      await told.promise;
      stop();
      expect((await seen[0])?.entries).toMatchObject([{ kind: "event", event: { id: id("e") } }]);
    } finally {
      await opened.close();
    }
  });

  it("watch tells of all tasks that a call changed, to all who listen, until they stop", async () => {
    const opened = await open();
    try {
      const { store, create, cancel, id } = createScene(opened.store);
      await create();
      await create({ taskId: id("child"), parentTaskId: id("task") });
      const stopped: string[] = [];
      const changed = new Set<string>();
      const told = Promise.withResolvers<void>();
      store.watch((taskIds) => stopped.push(...taskIds))();
      store.watch((taskIds) => {
        for (const taskId of taskIds) changed.add(taskId);
        if (changed.size === 2) told.resolve();
      });
      await cancel();
      await told.promise;
      expect([...changed].sort()).toEqual([id("child"), id("task")]);
      expect(stopped).toEqual([]);
    } finally {
      await opened.close();
    }
  });

  it("close finishes what was begun and refuses what comes after, however often it is called", async () => {
    const opened = await open();
    const { store, create, send, cancel, id } = createScene(opened.store);
    await create();
    const begun = [
      ...Array.from({ length: 2500 }, (_, n) => send(`e${n}`)),
      store.getTask({ id: id("task") }),
    ];
    const closing = [store.close(), store.close()];
    const late = [send("late"), cancel(), store.getTask({ id: id("task") })];
    for (const call of late) expect(await reasonOf(call)).toBe("STORE_UNAVAILABLE");
    await expect(Promise.all(begun)).resolves.toHaveLength(2501);
    await Promise.all(closing);
    await store.close();
    expect(await reasonOf(store.dueTasks({ owner: "a", agents: [], now: 0, limit: 1 }))).toBe(
      "STORE_UNAVAILABLE",
    );
    await opened.close();
  });

  it("has all that was acknowledged when it is opened again", async ({ skip }) => {
    const opened = await open();
    try {
      if (opened.reopen === undefined) return skip("what it holds does not outlive it");
      const before = createScene(opened.store);
      const { id, agent } = before;
      const request = { id: id("request"), fingerprint: "f" };
      await before.store.putAgents([{ name: agent, maxPending: 2 }]);
      await before.activate({ name: id("name"), labels: { a: "1" } });
      const sent = { taskId: id("task"), event: newEvent(id("e1")), request, now: at(1) };
      const first = await before.store.sendEvent(sent);
      await before.send("e2");
      const running = await before.turn({ now: at(1) });
      await before.append(running.turn, [show.begin(id("m"))]);
      const look = async (store = before.store) => ({
        task: await store.getTask({ name: id("name") }),
        events: await store.listEvents({ taskId: id("task"), states: [], ...unbounded }),
        messages: await store.listMessages({ taskId: id("task"), ...unbounded }),
        log: await store.readLog({ taskId: id("task"), afterSequence: 0, maxEntries: 99, maxBytes: 1e6 }),
        state: await store.getState(id("task")),
      });
      const kept = await look();

      const store = await opened.reopen();
      expect(await look(store)).toEqual(kept);
      expect(await store.sendEvent(sent)).toEqual({ ...first, duplicate: true });
      await store.sendEvent({ taskId: id("task"), event: newEvent(id("e3")), now: at(2) });
      const fourth = store.sendEvent({ taskId: id("task"), event: newEvent(id("e4")), now: at(2) });
      expect(await reasonOf(fourth)).toBe("MAILBOX_FULL");
      // Its engine died with the store: another finds the turn and runs it again.
      const source = { owner: "b", agents: [agent], maxLosses: 3 };
      expect(await store.dueTasks({ ...source, now: at(3), limit: 9 })).toMatchObject({
        taskIds: [id("task")],
      });
      const { turn } = await store.startTurn({ ...source, taskId: id("task"), now: at(3) });
      expect(turn).toMatchObject({ attempt: 2, event: { id: id("e1"), state: EventState.PROCESSING } });
    } finally {
      await opened.close();
    }
  });
}
