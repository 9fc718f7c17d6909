import { expect, it } from "vitest";
import { TaskState } from "../../src/proto.ts";
import { at, reasonOf, type Scene, show } from "./scene.ts";

export function describeInterrupting(scene: () => Scene): void {
  it("drops the event in hand with what its turn had taken, and leaves what waits", async () => {
    const { activate, send, turn, take, append, interrupt, messages, states, log, task, id } = scene();
    await activate();
    for (const name of ["e1", "e2", "e3"]) await send(name);
    const { turn: number } = await turn();
    await take(number, { limit: 1 });
    await append(number, [show.begin(id("m"))]);
    const { sequence } = await task();
    const answer = await interrupt({ now: at(4) });
    expect(answer).toEqual({ task: await task(), interrupted: 2, duplicate: false });
    expect(answer.task).toMatchObject({ state: TaskState.ACTIVE, pendingEvents: 1, updateTime: at(4) });
    expect(await states()).toEqual({ e1: "DROPPED", e2: "DROPPED", e3: "QUEUED" });
    expect(await messages()).toEqual([]);
    expect((await log()).find((entry) => entry.sequence > sequence)).toMatchObject({
      kind: "superseded",
      superseded: {
        eventId: id("e1"),
        eventIds: [id("e1"), id("e2")],
        messageIds: [id("m")],
        error: { reason: "TASK_INTERRUPTED" },
      },
    });
    expect((await turn({ now: at(4) })).events).toMatchObject([{ id: id("e3") }]);
  });

  it("says in the error what reason was given", async () => {
    const { activate, send, turn, interrupt, events } = scene();
    await activate();
    await send("e");
    await turn();
    await interrupt({ reason: "wrong question" });
    expect((await events())[0]?.lastError).toMatchObject({
      reason: "TASK_INTERRUPTED",
      message: expect.stringContaining("wrong question"),
    });
  });

  it("drops work that is to be tried again, which showed that it was superseded when it failed", async () => {
    const { activate, send, turn, fail, interrupt, states, log, start } = scene();
    await activate();
    await send("e");
    await fail((await turn()).turn, { retryTime: at(100) });
    expect(await interrupt()).toMatchObject({ interrupted: 1, task: { pendingEvents: 0 } });
    expect(await states()).toEqual({ e: "DROPPED" });
    expect((await log()).filter(({ kind }) => kind === "superseded")).toHaveLength(1);
    expect(await start({ now: at(1e6) })).toEqual({});
  });

  it("does nothing to a task with nothing in hand, or with onTaskCreate in hand", async () => {
    const { create, activate, send, turn, commit, interrupt, log, id } = scene();
    await create();
    const { turn: number } = await turn();
    await activate({ taskId: id("idle") });
    await send("waits", { taskId: id("idle") });
    for (const taskId of [id("task"), id("idle")]) {
      const before = await log(taskId);
      expect(await interrupt({ taskId, now: at(9) })).toMatchObject({ interrupted: 0, duplicate: false });
      expect(await log(taskId)).toEqual(before);
    }
    await commit(number);
  });

  it("answers a repeated request as it did, and interrupts nothing again", async () => {
    const { activate, send, turn, interrupt, commit, finish, id } = scene();
    await activate();
    await send("e1");
    await send("e2");
    await turn();
    const request = { id: id("request"), fingerprint: "f" };
    const first = await interrupt({ request });
    expect(first).toMatchObject({ interrupted: 1, duplicate: false });
    const { turn: number } = await turn();
    expect(await interrupt({ request, now: at(9) })).toEqual({ ...first, duplicate: true });
    await commit(number);
    expect(await reasonOf(interrupt({ request: { ...request, fingerprint: "g" } }))).toBe(
      "REQUEST_ID_REUSED",
    );
    await send("e3");
    await finish({ kind: "complete" });
    expect(await interrupt({ request })).toEqual({ ...first, duplicate: true });
  });

  it("remembers a request that found nothing to interrupt", async () => {
    const { activate, send, turn, interrupt, commit, id } = scene();
    await activate();
    const request = { id: id("request"), fingerprint: "f" };
    const first = await interrupt({ request });
    await send("e");
    const { turn: number } = await turn();
    expect(await interrupt({ request })).toEqual({ ...first, duplicate: true });
    await commit(number);
  });

  it("rejects with TASK_NOT_FOUND, or TASK_FINISHED, also of a task that is being cancelled", async () => {
    const { activate, cancel, finish, interrupt, log } = scene();
    expect(await reasonOf(interrupt())).toBe("TASK_NOT_FOUND");
    await activate();
    await cancel();
    const before = await log();
    expect(await reasonOf(interrupt())).toBe("TASK_FINISHED");
    expect(await log()).toEqual(before);
    await finish({ kind: "continue" });
    expect(await reasonOf(interrupt())).toBe("TASK_FINISHED");
  });
}
