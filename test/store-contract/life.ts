import { expect, it } from "vitest";
import { EventState } from "../../src/proto.ts";
import type { OpenedStore } from "../store-contract.ts";
import { at, createScene, newEvent, reasonOf, show, unbounded } from "./scene.ts";

export function describeLife(open: () => Promise<OpenedStore>): void {
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
    expect(await reasonOf(store.dueTasks({ agents: [], now: 0, limit: 1 }))).toBe("STORE_UNAVAILABLE");
    await opened.close();
  });

  it("has its timers, questions, deferrals and works in hand when it is opened again", async ({ skip }) => {
    const opened = await open();
    try {
      if (opened.reopen === undefined) return skip("what it holds does not outlive it");
      const before = createScene(opened.store);
      const { id, agent } = before;
      await before.rules({ parallel: 2, retention: 100 });
      const ids = ["timed", "asks", "defers", "ended", "retries"].map(id);
      for (const taskId of ids)
        await before.activate({
          taskId,
          event: newEvent(`${taskId}-e`),
          ...(taskId === id("timed") && { expireTime: at(50) }),
        });
      await before.send("later", { taskId: id("timed"), deliverTime: at(40) });
      const question = { id: id("q"), prompt: "?", createTime: at(0), expireTime: at(60) };
      await before.finish({ kind: "ask", question }, { taskId: id("asks") });
      await before.finish({ kind: "defer", untilTime: at(70) }, { taskId: id("defers") });
      await before.finish({ kind: "complete" }, { taskId: id("ended") });
      const failing = await before.turn({ taskId: id("retries") });
      await before.fail(failing.turn, { taskId: id("retries"), retryTime: at(80) });
      const look = (store = before.store) => Promise.all(ids.map((id) => store.getTask({ id })));
      const kept = await look();

      const store = await opened.reopen();
      expect(await look(store)).toEqual(kept);
      const fire = (now: number) => store.fireTimers({ now: at(now), limit: 9 });
      expect(await fire(39)).toEqual({ fired: 0, nextTime: at(40) });
      expect(await fire(40)).toEqual({ fired: 1, nextTime: at(50) });
      expect(await fire(60)).toEqual({ fired: 2, nextTime: at(100) });
      const due = async (now: number) =>
        (await store.dueTasks({ agents: [agent], now: at(now), limit: 9 })).taskIds.sort();
      expect(await due(60)).toEqual(["timed", "asks"].map(id).sort());
      expect(await due(80)).toEqual(["timed", "asks", "defers", "retries"].map(id).sort());
      expect(await fire(100)).toMatchObject({ fired: 1 });
      expect(await store.getTask({ id: id("ended") })).toBeUndefined();
    } finally {
      await opened.close();
    }
  });

  it("has all that was acknowledged when it is opened again", async ({ skip }) => {
    const opened = await open();
    try {
      if (opened.reopen === undefined) return skip("what it holds does not outlive it");
      const before = createScene(opened.store);
      const { id, agent } = before;
      const request = { id: id("request"), fingerprint: "f" };
      await before.rules({ maxPending: 2 });
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
      const source = { agents: [agent], now: at(3) };
      expect(await store.dueTasks({ ...source, limit: 9 })).toEqual({ taskIds: [] });
      expect(await store.recoverTurns({ owner: "b", maxLosses: 3, limit: 9, now: at(3) })).toBe(1);
      expect(await store.dueTasks({ ...source, limit: 9 })).toEqual({ taskIds: [id("task")] });
      const { turn } = await store.startTurn({ ...source, owner: "b", forced: false, taskId: id("task") });
      expect(turn).toMatchObject({ attempt: 2, events: [{ id: id("e1"), state: EventState.PROCESSING }] });
    } finally {
      await opened.close();
    }
  });
}
