import { expect, it } from "vitest";
import { EventState } from "../../src/proto.ts";
import { at, reasonOf, type Scene } from "./scene.ts";

export function describeTakingBack(scene: () => Scene): void {
  it("drops an event that is scheduled, or waits, on the record", async () => {
    const { activate, send, takeBack, fire, events, log, task, waiting, id } = scene();
    await activate();
    await send("later", { deliverTime: at(100) });
    await send("e1");
    await send("e2");
    const before = (await log()).length;
    for (const name of ["later", "e1"]) {
      const dropped = await takeBack(name, { now: at(7) });
      const state = EventState.DROPPED;
      expect(dropped).toMatchObject({ id: id(name), state, attempt: 0, updateTime: at(7) });
    }
    expect((await log()).slice(before)).toMatchObject([
      { time: at(7), kind: "event", event: { id: id("later"), state: EventState.DROPPED } },
      { time: at(7), kind: "event", event: { id: id("e1"), state: EventState.DROPPED } },
    ]);
    for (const event of (await events()).slice(0, 2)) expect(event.lastError).toBeDefined();
    expect(await task()).toMatchObject({ pendingEvents: 1, scheduledEvents: 0 });
    expect(await waiting()).toEqual(["e2"]);
    const after = await log();
    await fire(at(100));
    expect(await log()).toEqual(after);
  });

  it("leaves one alone that is dropped already", async () => {
    const { activate, send, takeBack, cancel, log } = scene();
    await activate();
    await send("e1");
    await send("e2");
    const first = await takeBack("e1", { now: at(1) });
    await cancel();
    const before = await log();
    expect({ ...(await takeBack("e1", { now: at(9) })), content: undefined }).toEqual({
      ...first,
      content: undefined,
    });
    expect((await takeBack("e2", { now: at(9) })).state).toBe(EventState.DROPPED);
    expect(await log()).toEqual(before);
  });

  it("makes room, and leaves a task without events idle", async () => {
    const { rules, activate, send, takeBack, start, due } = scene();
    await rules({ maxPending: 1 });
    await activate();
    await send("e1");
    await takeBack("e1");
    expect(await start({ now: at(1e6) })).toEqual({});
    expect(await due(at(1e6))).toEqual([]);
    await send("e2");
  });

  it("rejects with EVENT_STATE what is in hand or settled, and does nothing", async () => {
    const { activate, send, turn, take, fail, commit, takeBack, log, states } = scene();
    const refused = async (name: string) => {
      const before = await log();
      expect(await reasonOf(takeBack(name))).toBe("EVENT_STATE");
      expect(await log()).toEqual(before);
    };
    await activate();
    await send("done");
    await commit((await turn()).turn);
    await send("dead");
    await fail((await turn()).turn);
    await send("e");
    await send("taken");
    const { turn: number } = await turn();
    await take(number);
    for (const name of ["done", "dead", "e", "taken"]) await refused(name);
    await fail(number, { retryTime: at(100) });
    await refused("e");
    await takeBack("taken");
    expect(await states()).toEqual({
      done: "PROCESSED",
      dead: "DEAD_LETTERED",
      e: "QUEUED",
      taken: "DROPPED",
    });
  });

  it("rejects with TASK_NOT_FOUND, or EVENT_NOT_FOUND, also for an event of another task", async () => {
    const { activate, send, takeBack, states, id } = scene();
    expect(await reasonOf(takeBack("e"))).toBe("TASK_NOT_FOUND");
    await activate();
    await activate({ taskId: id("other") });
    await send("e", { taskId: id("other") });
    expect(await reasonOf(takeBack("e"))).toBe("EVENT_NOT_FOUND");
    expect(await states(id("other"))).toEqual({ e: "QUEUED" });
  });
}
