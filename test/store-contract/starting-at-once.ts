import { expect, it } from "vitest";
import { EventState, Handler, TaskState } from "../../src/proto.ts";
import { at, newEvent, type Scene } from "./scene.ts";

export function describeStartingAtOnce(scene: () => Scene): void {
  it("starts the first turn of a task that it makes", async () => {
    const { agent, create, commit, events, task, due, id } = scene();
    const created = await create({ event: newEvent(id("e")), next: { owner: "a", agents: [agent] } });
    expect(created).toMatchObject({ created: true, task: { state: TaskState.PENDING, sequence: 2 } });
    expect(created.turn).toMatchObject({ turn: 1, handler: Handler.TASK_CREATE, events: [], attempt: 1 });
    expect(created.turn?.task).toEqual(await task());
    expect(await due(at(0))).toEqual([]);
    const { turn } = await commit(1, { next: { owner: "a", agents: [agent] } });
    expect(turn).toMatchObject({ turn: 2, events: [{ id: id("e"), state: EventState.PROCESSING }] });
    expect((await events())[0]).toEqual(turn?.events[0]);
  });

  it("starts the first event's turn with the task, where the agent has nothing to run before", async () => {
    const { agent, create, rules, log, due, id } = scene();
    await rules({ startsActive: true });
    const created = await create({ event: newEvent(id("e")), next: { owner: "a", agents: [agent] } });
    expect(created).toMatchObject({ created: true, task: { state: TaskState.ACTIVE, sequence: 2 } });
    expect(created.turn).toMatchObject({
      turn: 1,
      handler: Handler.TASK_EVENT_SEND,
      events: [{ id: id("e") }],
    });
    expect(await log()).toMatchObject([
      { sequence: 1, task: { state: TaskState.ACTIVE } },
      { sequence: 2, event: { state: EventState.QUEUED } },
      { sequence: 3, event: { state: EventState.PROCESSING } },
    ]);
    expect(await create({ taskId: id("idle"), next: { owner: "a", agents: [agent] } })).not.toHaveProperty(
      "turn",
    );
    expect(await due(at(9))).toEqual([]);
  });

  it("starts the turn of an event that it accepts, which the answer tells of as it was accepted", async () => {
    const { agent, store, activate, log, due, id } = scene();
    await activate();
    const next = { owner: "a", agents: [agent] };
    const accepted = await store.sendEvent({
      taskId: id("task"),
      event: newEvent(id("e")),
      next,
      now: at(3),
    });
    expect(accepted.event).toMatchObject({ id: id("e"), state: EventState.QUEUED, attempt: 0 });
    expect(accepted.turn).toMatchObject({ turn: 2, handler: Handler.TASK_EVENT_SEND, attempt: 1 });
    expect(await due(at(3))).toEqual([]);
    expect((await log()).slice(-2)).toMatchObject([
      { sequence: accepted.event.sequence, event: { state: EventState.QUEUED } },
      { sequence: accepted.event.sequence + 1, event: { state: EventState.PROCESSING } },
    ]);
  });

  it("starts none for who cannot run it, for a busy task, for later, or where a turn was stopped", async () => {
    const { agent, store, create, activate, turn, send, start, states, id } = scene();
    const next = { owner: "a", agents: [agent] };
    const sent = async (name: string, more = {}, by = next) => {
      const event = { ...newEvent(id(name)), ...more };
      return (await store.sendEvent({ taskId: id("task"), event, next: by, now: at(1) })).turn;
    };
    expect(
      await create({ taskId: id("other"), next: { owner: "a", agents: ["another"] } }),
    ).not.toHaveProperty("turn");
    await activate();
    expect(await sent("later", { deliverTime: at(9) })).toBeUndefined();
    expect(await sent("e1", {}, { owner: "a", agents: ["another"] })).toBeUndefined();
    await turn();
    expect(await sent("e2")).toBeUndefined();
    expect(await sent("e3", { onBusy: "interrupt" })).toBeUndefined();
    expect(await states()).toEqual({ later: "SCHEDULED", e1: "DROPPED", e2: "QUEUED", e3: "QUEUED" });
    expect((await start({ now: at(1) })).turn?.events).toMatchObject([{ id: id("e3") }]);
    await send("e4");
  });

  it("starts none for a task that was there already, and none for a request that was answered before", async () => {
    const { agent, store, create, activate, turn, commit, id } = scene();
    const next = { owner: "a", agents: [agent] };
    await activate({ name: id("name") });
    const found = await create({ taskId: id("new"), name: id("name"), event: newEvent(id("e")), next });
    expect(found).toMatchObject({ created: false, task: { id: id("task") } });
    expect(found.turn).toBeUndefined();
    await commit((await turn()).turn);

    const request = { id: id("r"), fingerprint: "f" };
    const call = { taskId: id("task"), event: newEvent(id("e2")), request, next, now: at(0) };
    const first = await store.sendEvent(call);
    await commit(first.turn?.turn ?? 0);
    expect(await store.sendEvent(call)).toEqual({ event: first.event, duplicate: true });
    const creation = { taskId: id("third"), request: { id: id("r"), fingerprint: "f" }, next };
    const made = await create(creation);
    expect(made.turn).toBeDefined();
    expect(await create(creation)).toEqual({ task: made.task, created: true, duplicate: true });
  });
}
