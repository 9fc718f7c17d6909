import { expect, it } from "vitest";
import { EventState, Handler, TaskState } from "../../src/proto.ts";
import { at, boom, type Scene } from "./scene.ts";

export function describeExhausting(scene: () => Scene): void {
  it.each([{}, { exhausted: "dead-letter" }] as const)(
    "dead-letters the event of the last attempt, and the task goes on: %o",
    async (exhausted) => {
      const { activate, send, turn, fail, events, task, log, due, id } = scene();
      await activate();
      await send("e1");
      await send("e2");
      const { turn: number } = await turn();
      const { sequence } = await task();
      await fail(number, { ...exhausted, now: at(6) });
      expect(await events()).toMatchObject([
        { state: EventState.DEAD_LETTERED, attempt: 1, lastError: boom, updateTime: at(6) },
        { state: EventState.QUEUED },
      ]);
      const going = { state: TaskState.ACTIVE, pendingEvents: 1, deadLetteredEvents: 1 };
      expect(await task()).toMatchObject(going);
      expect(await task()).not.toHaveProperty("error");
      const entries = (await log()).filter((entry) => entry.sequence > sequence);
      expect(entries.slice(0, 2)).toMatchObject([
        { kind: "superseded", superseded: { eventIds: [id("e1")], error: boom } },
        { kind: "event", event: { id: id("e1"), state: EventState.DEAD_LETTERED, lastError: boom } },
      ]);
      expect(entries[0]).not.toHaveProperty("superseded.retryTime");
      expect(await due(at(6))).toEqual([id("task")]);
      expect(await turn({ now: at(6) })).toMatchObject({
        attempt: 1,
        failures: 0,
        events: [{ id: id("e2") }],
      });
    },
  );

  it("pauses the task, which takes events and handles none, on the record", async () => {
    const { activate, send, turn, fail, task, log, due, start, states } = scene();
    await activate();
    await send("e1");
    await send("e2");
    await fail((await turn()).turn, { exhausted: "pause", now: at(6) });
    const paused = await task();
    expect(paused).toMatchObject({ state: TaskState.PAUSED, pendingEvents: 1, deadLetteredEvents: 1 });
    expect(paused).not.toHaveProperty("endTime");
    expect((await log()).findLast(({ kind }) => kind === "task")).toMatchObject({
      task: { state: TaskState.PAUSED },
    });
    await send("e3");
    await send("s", { onBusy: "steer" });
    await send("i", { onBusy: "interrupt" });
    expect(await due(at(1e6))).toEqual([]);
    expect(await start({ now: at(1e6) })).toEqual({});
    expect(await states()).toEqual({
      e1: "DEAD_LETTERED",
      e2: "QUEUED",
      e3: "QUEUED",
      s: "QUEUED",
      i: "QUEUED",
    });
  });

  it("cancels a paused task", async () => {
    const { activate, send, turn, fail, cancel, task } = scene();
    await activate();
    await send("e");
    await fail((await turn()).turn, { exhausted: "pause" });
    expect((await cancel()).task.state).toBe(TaskState.CANCELLING);
    expect((await turn()).handler).toBe(Handler.TASK_CANCEL);
    expect((await task()).deadLetteredEvents).toBe(1);
  });

  it("goes on with work in hand while the task is paused", async () => {
    const { rules, activate, send, turn, fail, commit, start, task, id } = scene();
    await rules({ parallel: 2 });
    await activate();
    for (const name of ["e1", "e2", "e3"]) await send(name);
    const [first, second] = [await turn(), await turn()];
    await fail(second.turn, { retryTime: at(50) });
    await fail(first.turn, { exhausted: "pause" });
    const again = await turn({ now: at(50) });
    expect(again.events).toMatchObject([{ id: id("e2"), attempt: 2 }]);
    await commit(again.turn);
    expect(await start({ now: at(1e6) })).toEqual({});
    expect((await task()).state).toBe(TaskState.PAUSED);
  });

  it("never blocks another task with an event that keeps failing", async () => {
    const { activate, send, turn, fail, due, id } = scene();
    for (const name of ["sick", "well"]) {
      await activate({ taskId: id(name) });
      await send(`e-${name}`, { taskId: id(name) });
    }
    await fail((await turn({ taskId: id("sick") })).turn, { taskId: id("sick"), retryTime: at(1e6) });
    expect(await due(at(0))).toEqual([id("well")]);
  });
}
