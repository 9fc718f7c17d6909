import { randomUUID } from "node:crypto";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { afterAll, describe, expect, it } from "vitest";
import { CancelOutcome, EventState, TaskState } from "../src/proto.ts";
import { createHaltingClock } from "./halting-clock.ts";
import { createDesk } from "./service-agent.ts";
import { failureOf } from "./service-failure.ts";
import {
  clientsOf,
  followUntil,
  newTask,
  present,
  sendAndWait,
  tellsProcessed,
  tellsState,
  text,
} from "./service-follow.ts";
import { openAny, protocols } from "./service-protocols.ts";
import { startServer } from "./service-server.ts";

const clock = createHaltingClock();
const server = await startServer({ clock });
afterAll(async () => {
  await server.close();
  expect(server.defects).toEqual([]);
});

describe.each(protocols)("time over $name", ({ open }) => {
  const { tasks } = clientsOf(open(server));
  const hour = 3_600_000;
  const later = (ms = hour) => timestampFromMs(Date.now() + ms);
  const eventOf = async (taskId: string, id: string) =>
    (await tasks.listEvents({ taskId })).events.find((event) => event.id === id);

  it("an event for later is SCHEDULED, and takes its place when it is delivered", async () => {
    const taskId = await newTask(tasks);
    const deliverTime = timestampFromMs(clock.halt() + 200);
    const { event } = await tasks.sendEvent({ taskId, parts: [text("later")], deliverTime });
    expect(event).toMatchObject({ state: EventState.SCHEDULED, deliverTime });
    const first = await sendAndWait(tasks, taskId, "echo", "first");
    clock.go();
    const log = await followUntil(tasks, { taskId }, tellsProcessed(event?.id));
    const delivered = log.flatMap(({ entry, sequence }) =>
      entry.case === "event" && entry.value.id === event?.id && entry.value.state === EventState.QUEUED
        ? [{ sequence, value: entry.value }]
        : [],
    );
    expect(delivered).toMatchObject([{ value: { parts: event?.parts, deliverTime } }]);
    expect(delivered[0]?.value.sequence).toBe(delivered[0]?.sequence);
    expect(delivered[0]?.sequence).toBeGreaterThan(first.sequence);
    expect(timestampMs(present(delivered[0]?.value.updateTime))).toBeGreaterThanOrEqual(
      timestampMs(deliverTime),
    );
  });

  it("an event for a time that has passed is QUEUED at once", async () => {
    const taskId = await newTask(tasks);
    const { event } = await tasks.sendEvent({ taskId, parts: [text("x")], deliverTime: later(-hour) });
    expect(event?.state).toBe(EventState.QUEUED);
  });

  it("an event that waits is taken back, once or twice", async () => {
    const taskId = await newTask(tasks);
    const { event } = await tasks.sendEvent({ taskId, parts: [text("x")], deliverTime: later() });
    const { task } = await tasks.getTask({ key: { case: "taskId", value: taskId } });
    expect(task).toMatchObject({ scheduledEvents: 1, pendingEvents: 0 });
    const eventId = present(event).id;
    for (let count = 0; count < 2; count++) {
      const answer = await tasks.cancelEvent({ taskId, eventId });
      expect(answer.event).toMatchObject({ id: eventId, state: EventState.DROPPED, parts: event?.parts });
    }
    expect((await eventOf(taskId, eventId))?.state).toBe(EventState.DROPPED);
  });

  it("an event that was processed, or is not there, is not taken back", async () => {
    const taskId = await newTask(tasks);
    const { id } = await sendAndWait(tasks, taskId, "echo");
    expect(await failureOf(tasks.cancelEvent({ taskId, eventId: id }))).toMatchObject({
      code: "FailedPrecondition",
      reason: "EVENT_STATE",
      precondition: { subject: id },
    });
    const unknown = randomUUID();
    expect(await failureOf(tasks.cancelEvent({ taskId, eventId: unknown }))).toMatchObject({
      code: "NotFound",
      reason: "EVENT_NOT_FOUND",
      resource: `event ${unknown}`,
    });
    expect(await failureOf(tasks.cancelEvent({ taskId: unknown, eventId: id }))).toMatchObject({
      reason: "TASK_NOT_FOUND",
    });
  });

  it("a task is timed out after its ttl", async () => {
    const { task } = await tasks.createTask({
      agent: "desk",
      expiration: { case: "ttl", value: { seconds: 0n, nanos: 50_000_000 } },
    });
    const { id, createTime, expireTime } = present(task);
    expect(timestampMs(present(expireTime)) - timestampMs(present(createTime))).toBe(50);
    await followUntil(tasks, { taskId: id }, ({ entry }) => tellsState(entry, TaskState.TIMED_OUT));
    const ended = await tasks.getTask({ key: { case: "taskId", value: id } });
    expect(ended.task?.cancellation).toMatchObject({ outcome: CancelOutcome.STOPPED });
    expect(await failureOf(tasks.cancelTask({ taskId: id }))).toMatchObject({
      reason: "TASK_FINISHED",
      metadata: { state: "TIMED_OUT" },
    });
  });

  it("a request with a time that has passed since is still one request", async () => {
    const expireTime = timestampFromMs(clock.halt() + 50);
    const request = {
      agent: "desk",
      expiration: { case: "expireTime" as const, value: expireTime },
      requestId: randomUUID(),
    };
    const first = await tasks.createTask(request);
    clock.go();
    const taskId = present(first.task).id;
    await followUntil(tasks, { taskId }, ({ entry }) => tellsState(entry, TaskState.TIMED_OUT));
    expect(await tasks.createTask(request)).toEqual({ ...first, duplicate: true });
    const other = { ...request, requestId: randomUUID() };
    expect(await failureOf(tasks.createTask(other))).toMatchObject({
      reason: "FIELD_INVALID",
      fields: { expire_time: "must not have passed" },
    });
  });

  it("a finished task is deleted, and an unfinished one is not", async () => {
    const taskId = await newTask(tasks);
    expect(await failureOf(tasks.deleteTask({ taskId }))).toMatchObject({
      code: "FailedPrecondition",
      reason: "TASK_UNFINISHED",
    });
    await sendAndWait(tasks, taskId, "finish");
    await tasks.deleteTask({ taskId });
    expect(await failureOf(tasks.getTask({ key: { case: "taskId", value: taskId } }))).toMatchObject({
      reason: "TASK_NOT_FOUND",
    });
    expect(await failureOf(tasks.deleteTask({ taskId }))).toMatchObject({
      code: "NotFound",
      reason: "TASK_NOT_FOUND",
      resource: `task ${taskId}`,
    });
  });
});

it("a finished task says when it is deleted", async () => {
  const { agent } = createDesk("desk", { retention: 86_400_000 });
  await using keeper = await startServer({ agents: [agent] });
  const { tasks } = clientsOf(openAny(keeper.url));
  const taskId = await newTask(tasks);
  await sendAndWait(tasks, taskId, "finish");
  const { task } = await tasks.getTask({ key: { case: "taskId", value: taskId } });
  const { endTime, purgeTime } = present(task);
  expect(timestampMs(present(purgeTime)) - timestampMs(present(endTime))).toBe(86_400_000);
});

it("an event for later is answered the same once its time has come, by an agent that refuses what comes while it is busy", async () => {
  const clock = createHaltingClock();
  const { agent } = createDesk("desk", { onBusy: "reject" });
  await using server = await startServer({ agents: [agent], clock });
  const { tasks } = clientsOf(openAny(server.url));
  const event = { parts: [text("later")], deliverTime: timestampFromMs(clock.halt() + 50) };
  const creation = { agent: "desk", event, requestId: randomUUID() };
  const created = await tasks.createTask(creation);
  const taskId = present(created.task).id;
  const sending = { ...event, taskId, requestId: randomUUID() };
  const sent = await tasks.sendEvent(sending);
  clock.go();
  await followUntil(tasks, { taskId }, tellsProcessed(sent.event?.id));
  expect(await tasks.createTask(creation)).toEqual({ ...created, duplicate: true });
  expect(await tasks.sendEvent(sending)).toEqual({ ...sent, duplicate: true });
});
