import { randomUUID } from "node:crypto";
import { afterAll, describe, expect, it } from "vitest";
import { EventState, OnBusy, TaskState } from "../src/proto.ts";
import { createDesk } from "./service-agent.ts";
import { failureOf } from "./service-failure.ts";
import {
  clientsOf,
  followUntil,
  newTask,
  present,
  sendAndWait,
  type TaskClient,
  tellsProcessed,
  text,
  textOf,
} from "./service-follow.ts";
import { openAny, protocols } from "./service-protocols.ts";
import { startServer } from "./service-server.ts";

const server = await startServer();
afterAll(async () => {
  await server.close();
  expect(server.defects).toEqual([]);
});

async function statesOf(tasks: TaskClient, taskId: string): Promise<string[]> {
  const { events } = await tasks.listEvents({ taskId });
  return events.map(({ state }) => EventState[state]);
}

describe.each(protocols)("a busy task over $name", ({ open }) => {
  const { tasks } = clientsOf(open(server));
  const { desk } = server;
  const send = async (taskId: string, onBusy: OnBusy, value = "x") =>
    present((await tasks.sendEvent({ taskId, onBusy, parts: [text(value)] })).event);
  const newBusyTask = async () => {
    const taskId = await newTask(tasks);
    await tasks.sendEvent({ taskId, type: "block", parts: [text("x")] });
    await desk.entered(taskId);
    return taskId;
  };

  it("refuses what is sent with ON_BUSY_REJECT, and takes it when it is idle", async () => {
    const taskId = await newBusyTask();
    expect(await failureOf(send(taskId, OnBusy.REJECT))).toMatchObject({
      code: "FailedPrecondition",
      reason: "TASK_BUSY",
    });
    desk.release(taskId);
    const [blocked] = (await tasks.listEvents({ taskId })).events;
    await followUntil(tasks, { taskId }, tellsProcessed(blocked?.id));
    expect(await send(taskId, OnBusy.REJECT)).toMatchObject({ onBusy: OnBusy.REJECT });
  });

  it("is interrupted by what is sent with ON_BUSY_INTERRUPT, which goes ahead of what waits", async () => {
    const taskId = await newBusyTask();
    await send(taskId, OnBusy.QUEUE, "waits");
    const { id } = await send(taskId, OnBusy.INTERRUPT, "first");
    await followUntil(tasks, { taskId }, tellsProcessed(id));
    const { messages } = await tasks.listMessages({ taskId });
    expect(textOf(present(messages[0]).parts)).toBe("first");
    const [blocked] = (await tasks.listEvents({ taskId })).events;
    expect(blocked).toMatchObject({ state: EventState.DROPPED, lastError: { code: 10 } });
  });

  it("handles what is sent with ON_BUSY_STEER before what waits, if its turn does not take it", async () => {
    const taskId = await newBusyTask();
    const waits = await send(taskId, OnBusy.QUEUE, "waits");
    await send(taskId, OnBusy.STEER, "steers");
    desk.release(taskId);
    await followUntil(tasks, { taskId }, tellsProcessed(waits.id));
    const { messages } = await tasks.listMessages({ taskId });
    expect(messages.map(({ parts }) => textOf(parts))).toEqual(["steers", "waits"]);
  });

  it("is interrupted by InterruptTask, which is one request, and keeps what waits", async () => {
    const taskId = await newBusyTask();
    const waits = await send(taskId, OnBusy.QUEUE);
    const request = { taskId, reason: "stop that", requestId: randomUUID() };
    const first = await tasks.interruptTask(request);
    expect(first).toMatchObject({ interruptedEvents: 1, duplicate: false });
    expect(await tasks.interruptTask(request)).toEqual({ ...first, duplicate: true });
    expect(await failureOf(tasks.interruptTask({ ...request, reason: "other" }))).toMatchObject({
      reason: "REQUEST_ID_REUSED",
    });
    await followUntil(tasks, { taskId }, tellsProcessed(waits.id));
    expect(await statesOf(tasks, taskId)).toEqual(["DROPPED", "PROCESSED"]);
  });

  it("is not interrupted when nothing is in hand, or when there is no such task, or it has ended", async () => {
    const taskId = await newTask(tasks);
    expect(await tasks.interruptTask({ taskId })).toMatchObject({
      interruptedEvents: 0,
      task: { state: TaskState.ACTIVE },
    });
    await sendAndWait(tasks, taskId, "finish");
    expect(await failureOf(tasks.interruptTask({ taskId }))).toMatchObject({ reason: "TASK_FINISHED" });
    expect(await failureOf(tasks.interruptTask({ taskId: randomUUID() }))).toMatchObject({
      reason: "TASK_NOT_FOUND",
    });
  });

  it("goes on when an event is dead-lettered, which is put back at the end", async () => {
    const taskId = await newTask(tasks);
    const { event } = await tasks.sendEvent({ taskId, type: "fail", parts: [text("no tea")] });
    const isDead = (state: EventState, id?: string) => state === EventState.DEAD_LETTERED && id === event?.id;
    const died = await followUntil(
      tasks,
      { taskId },
      ({ entry }) => entry.case === "event" && isDead(entry.value.state, entry.value.id),
    );
    await sendAndWait(tasks, taskId, "echo");
    const get = async () => (await tasks.getTask({ key: { case: "taskId", value: taskId } })).task;
    expect(await get()).toMatchObject({ state: TaskState.ACTIVE, deadLetteredEvents: 1 });
    const eventId = present(event).id;
    const { task, redrivenEvents } = await tasks.redriveEvent({
      taskId,
      target: { case: "eventId", value: eventId },
    });
    expect({ redrivenEvents, deadLettered: task?.deadLetteredEvents }).toEqual({
      redrivenEvents: 1,
      deadLettered: 0,
    });
    const afterSequence = present(died.at(-1)).sequence;
    const log = await followUntil(
      tasks,
      { taskId, afterSequence },
      ({ entry }) => entry.case === "event" && isDead(entry.value.state, entry.value.id),
    );
    const again = log.find(
      ({ entry }) =>
        entry.case === "event" && entry.value.state === EventState.QUEUED && entry.value.id === eventId,
    );
    expect(again?.entry.value).toMatchObject({ parts: event?.parts, attempt: 0, sequence: again?.sequence });
    expect(await tasks.redriveEvent({ taskId, target: { case: "all", value: true } })).toMatchObject({
      redrivenEvents: 1,
    });
  });

  it("does not put back what is not dead-lettered", async () => {
    const taskId = await newTask(tasks);
    const { id } = await sendAndWait(tasks, taskId, "echo");
    const redrive = (value: string) => tasks.redriveEvent({ taskId, target: { case: "eventId", value } });
    expect(await failureOf(redrive(id))).toMatchObject({ code: "FailedPrecondition", reason: "EVENT_STATE" });
    expect(await failureOf(redrive(randomUUID()))).toMatchObject({
      code: "NotFound",
      reason: "EVENT_NOT_FOUND",
    });
    expect(await tasks.redriveEvent({ taskId, target: { case: "all", value: true } })).toMatchObject({
      redrivenEvents: 0,
    });
  });
});

describe("an agent that refuses events when it is busy", async () => {
  const desk = createDesk("desk", { onBusy: "reject" });
  const busy = await startServer({ agents: [desk.agent, createDesk("other").agent] });
  afterAll(() => busy.close());
  const { tasks, agents } = clientsOf(openAny(busy.url));

  it("says so, and events say other", async () => {
    expect((await agents.getAgent({ agent: "desk" })).agent?.onBusy).toBe(OnBusy.REJECT);
    const { task } = await tasks.createTask({ agent: "desk", event: { type: "block", parts: [text("x")] } });
    const taskId = present(task).id;
    await desk.entered(taskId);
    expect(await failureOf(tasks.sendEvent({ taskId, parts: [text("x")] }))).toMatchObject({
      reason: "TASK_BUSY",
    });
    const { event } = await tasks.sendEvent({ taskId, parts: [text("x")], onBusy: OnBusy.QUEUE });
    expect(event?.onBusy).toBe(OnBusy.QUEUE);
    desk.release(taskId);
    await followUntil(tasks, { taskId }, tellsProcessed(event?.id));
    const idle = await tasks.sendEvent({ taskId, parts: [text("x")] });
    expect(idle.event?.onBusy).toBe(OnBusy.REJECT);
    await followUntil(tasks, { taskId }, tellsProcessed(idle.event?.id));
    const { events } = await tasks.listEvents({ taskId });
    expect(events.map(({ onBusy }) => onBusy)).toEqual([OnBusy.REJECT, OnBusy.QUEUE, OnBusy.REJECT]);
  });

  it("takes an event for later, which queues when it is delivered", async () => {
    const { task } = await tasks.createTask({ agent: "desk" });
    const deliverTime = { seconds: BigInt(Math.floor(Date.now() / 1000) + 3600), nanos: 0 };
    const { event } = await tasks.sendEvent({
      taskId: present(task).id,
      parts: [text("x")],
      deliverTime,
    });
    expect(event).toMatchObject({ state: EventState.SCHEDULED, onBusy: OnBusy.QUEUE });
  });
});
