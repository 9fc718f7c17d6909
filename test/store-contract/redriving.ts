import { expect, it } from "vitest";
import { EventState, TaskState } from "../../src/proto.ts";
import { at, newEvent, reasonOf, type Scene } from "./scene.ts";

export function describeRedriving(scene: () => Scene): void {
  it("goes on with a paused task when it is redriven", async () => {
    const { activate, send, turn, fail, redrive, task, log, due, names, id } = scene();
    await activate();
    await send("e1");
    await send("e2");
    await fail((await turn()).turn, { exhausted: "pause" });
    const answer = await redrive({ now: at(8) });
    expect(answer).toEqual({ task: await task(), redriven: 1 });
    expect(answer.task).toMatchObject({ state: TaskState.ACTIVE, pendingEvents: 2, deadLetteredEvents: 0 });
    expect((await log()).findLast(({ kind }) => kind === "task")).toMatchObject({
      task: { state: TaskState.ACTIVE },
    });
    expect(await due(at(8))).toEqual([id("task")]);
    expect(names((await turn({ now: at(8) })).events)).toEqual(["e2"]);
  });

  it("redrives one: QUEUED at the end under a new sequence, with its content in the log, not tried yet", async () => {
    const { activate, send, turn, fail, redrive, events, log, task, id } = scene();
    await activate();
    for (const name of ["e1", "e2"]) {
      await send(name, { now: at(1) });
      await fail((await turn({ now: at(1) })).turn);
    }
    await send("e3", { now: at(1) });
    const { sequence } = await task();
    const answer = await redrive({ eventId: id("e1"), now: at(9) });
    expect(answer).toMatchObject({ redriven: 1, task: { pendingEvents: 2, deadLetteredEvents: 1 } });
    const redriven = {
      ...newEvent(id("e1")),
      state: EventState.QUEUED,
      sequence: sequence + 1,
      attempt: 0,
      createTime: at(1),
      updateTime: at(9),
    };
    expect((await log()).find((entry) => entry.sequence === sequence + 1)).toMatchObject({
      kind: "event",
      event: redriven,
    });
    expect((await events()).map((event) => event.id)).toEqual(["e2", "e3", "e1"].map(id));
    expect((await events()).at(-1)).toMatchObject(redriven);
  });

  it("redrives to the end also what had gone ahead when it was sent", async () => {
    const { activate, send, turn, fail, redrive, waiting } = scene();
    await activate();
    await send("e1", { onBusy: "steer" });
    await fail((await turn()).turn);
    await send("e2");
    await redrive();
    expect(await waiting()).toEqual(["e2", "e1"]);
  });

  it("counts the attempts of what is redriven anew", async () => {
    const { activate, send, turn, fail, redrive } = scene();
    await activate();
    await send("e");
    await fail((await turn()).turn, { retryTime: at(0) });
    await fail((await turn()).turn);
    await redrive();
    expect(await turn()).toMatchObject({ attempt: 1, failures: 0, events: [{ attempt: 1 }] });
  });

  it("redrives all, the oldest first, as many as there is room for", async () => {
    const { rules, activate, send, turn, fail, redrive, states, waiting, commit } = scene();
    await rules({ maxPending: 2 });
    await activate();
    for (const name of ["e1", "e2", "e3"]) {
      await send(name);
      await fail((await turn()).turn);
    }
    await send("e4");
    const first = await redrive();
    expect(first).toMatchObject({ redriven: 1, task: { pendingEvents: 2, deadLetteredEvents: 2 } });
    expect(await waiting()).toEqual(["e4", "e1"]);
    expect(await reasonOf(redrive())).toBe("MAILBOX_FULL");
    for (let n = 0; n < 2; n++) await commit((await turn()).turn);
    expect(await redrive()).toMatchObject({ redriven: 2, task: { deadLetteredEvents: 0 } });
    expect(await states()).toEqual({ e4: "PROCESSED", e1: "PROCESSED", e2: "QUEUED", e3: "QUEUED" });
  });

  it("redrives none where none are dead-lettered, and writes nothing", async () => {
    const { activate, send, redrive, log, task } = scene();
    await activate();
    await send("e");
    const before = await log();
    expect(await redrive({ now: at(9) })).toEqual({ task: await task(), redriven: 0 });
    expect(await log()).toEqual(before);
  });

  it("rejects with EVENT_NOT_FOUND or EVENT_STATE, and does nothing", async () => {
    const { activate, send, turn, fail, redrive, log, id } = scene();
    await activate();
    await activate({ taskId: id("other") });
    await send("foreign", { taskId: id("other") });
    await fail((await turn({ taskId: id("other") })).turn, { taskId: id("other") });
    await send("e");
    const before = await log();
    for (const name of ["nobody", "foreign"])
      expect(await reasonOf(redrive({ eventId: id(name) }))).toBe("EVENT_NOT_FOUND");
    expect(await reasonOf(redrive({ eventId: id("e") }))).toBe("EVENT_STATE");
    await turn();
    expect(await reasonOf(redrive({ eventId: id("e") }))).toBe("EVENT_STATE");
    expect((await log()).slice(0, before.length)).toEqual(before);
  });

  it("rejects with MAILBOX_FULL where there is no room for the one that is named, and does nothing", async () => {
    const { rules, activate, send, turn, fail, redrive, log, id } = scene();
    await rules({ maxPending: 1 });
    await activate();
    await send("e1");
    await fail((await turn()).turn);
    await send("e2");
    const before = await log();
    for (const args of [{ eventId: id("e1") }, {}])
      expect(await reasonOf(redrive(args))).toBe("MAILBOX_FULL");
    expect(await log()).toEqual(before);
  });

  it("redrives one event of a task that is PAUSED into a full mailbox, which nothing else would empty", async () => {
    const { rules, activate, send, turn, fail, redrive, waiting } = scene();
    await rules({ maxPending: 2, batch: { max: 2, wait: 0 } });
    await activate();
    for (const name of ["e1", "e2"]) await send(name);
    await fail((await turn()).turn, { exhausted: "pause" });
    for (const name of ["e3", "e4"]) await send(name);
    expect(await redrive()).toMatchObject({ redriven: 1, task: { state: TaskState.ACTIVE } });
    expect(await waiting()).toEqual(["e3", "e4", "e1"]);
    expect(await reasonOf(redrive())).toBe("MAILBOX_FULL");
  });

  it("rejects with TASK_NOT_FOUND, or TASK_FINISHED: what was dead-lettered stays so", async () => {
    const { activate, send, turn, fail, cancel, finish, redrive, states } = scene();
    expect(await reasonOf(redrive())).toBe("TASK_NOT_FOUND");
    await activate();
    await send("e");
    await fail((await turn()).turn);
    await cancel();
    expect(await reasonOf(redrive())).toBe("TASK_FINISHED");
    await finish({ kind: "continue" });
    expect(await reasonOf(redrive())).toBe("TASK_FINISHED");
    expect(await states()).toEqual({ e: "DEAD_LETTERED" });
  });
}
