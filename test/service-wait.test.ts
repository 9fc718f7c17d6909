import { randomUUID } from "node:crypto";
import { durationFromMs, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { afterAll, describe, expect, it } from "vitest";
import { EventState, EventWait } from "../src/proto.ts";
import { startRig } from "./agents/rig.ts";
import { failureOf } from "./service-failure.ts";
import {
  clientsOf,
  followUntil,
  newTask,
  present,
  sendAndWait,
  tellsProcessed,
  text,
} from "./service-follow.ts";
import { openAny, protocols } from "./service-protocols.ts";
import { startServer } from "./service-server.ts";

const server = await startServer();
afterAll(async () => {
  await server.close();
  expect(server.defects).toEqual([]);
});
const wait = EventWait.PROCESSED;

describe.each(protocols)("SendEvent with EVENT_WAIT_PROCESSED over $name", ({ open }) => {
  const { tasks } = clientsOf(open(server));
  const { desk } = server;

  it("answers when the event's turn has committed, with the sequence, to a duplicate too", async () => {
    const taskId = await newTask(tasks);
    const request = { taskId, type: "echo", parts: [text("tea")], wait, requestId: randomUUID() };
    const { event, duplicate, settledSequence } = await tasks.sendEvent(request);
    expect({ state: event?.state, attempt: event?.attempt, duplicate }).toEqual({
      state: EventState.PROCESSED,
      attempt: 1,
      duplicate: false,
    });
    expect(event).toMatchObject({ type: "echo", parts: [text("tea")] });
    const log = await followUntil(tasks, { taskId }, tellsProcessed(event?.id));
    expect(settledSequence).toBe(log.at(-1)?.sequence);
    const again = { ...request, waitTimeout: durationFromMs(299_000) };
    expect(await tasks.sendEvent(again)).toEqual({
      event,
      duplicate: true,
      settledSequence,
      $typeName: expect.anything(),
    });
    const accepted = await tasks.sendEvent({ ...request, wait: EventWait.ACCEPTED });
    expect(accepted).toMatchObject({ duplicate: true, settledSequence: 0n });
    expect(accepted.event?.state).toBe(EventState.QUEUED);
  });

  it("answers when the event was dead-lettered, and when it was dropped", async () => {
    const taskId = await newTask(tasks);
    const dead = await tasks.sendEvent({ taskId, type: "fail", parts: [text("no")], wait });
    expect(dead.event).toMatchObject({
      state: EventState.DEAD_LETTERED,
      attempt: 2,
      lastError: { message: "no" },
    });
    expect(dead.settledSequence).toBeGreaterThan(0n);
    await tasks.sendEvent({ taskId, type: "block", parts: [text("x")] });
    await desk.entered(taskId);
    const dropped = tasks.sendEvent({ taskId, parts: [text("x")], wait });
    await followUntil(
      tasks,
      { taskId },
      ({ entry }) =>
        entry.case === "event" && entry.value.state === EventState.QUEUED && entry.value.type === "",
    );
    await tasks.cancelTask({ taskId });
    expect((await dropped).event?.state).toBe(EventState.DROPPED);
  });

  it("answers with the event as it is when the time has passed", async () => {
    const taskId = await newTask(tasks);
    const answer = await tasks.sendEvent({
      ...{ taskId, type: "block", parts: [text("x")] },
      ...{ wait, waitTimeout: durationFromMs(100) },
    });
    expect(answer).toMatchObject({ duplicate: false, settledSequence: 0n });
    expect([EventState.QUEUED, EventState.PROCESSING]).toContain(answer.event?.state);
    desk.release(taskId);
    await followUntil(tasks, { taskId }, tellsProcessed(answer.event?.id));
  });

  it("waits for an event that is sent for later, over its delivery", async () => {
    const taskId = await newTask(tasks);
    const { event } = await tasks.sendEvent({
      ...{ taskId, parts: [text("x")], wait },
      deliverTime: timestampFromMs(Date.now() + 100),
    });
    expect(event?.state).toBe(EventState.PROCESSED);
    const { events } = await tasks.listEvents({ taskId });
    expect(event?.sequence).toBe(events[0]?.sequence);
  });

  it("ends with the caller's deadline, which is an error, and the event is handled all the same", async () => {
    const taskId = await newTask(tasks);
    const call = tasks.sendEvent({ taskId, type: "block", parts: [text("x")], wait }, { timeoutMs: 1000 });
    await expect(call).rejects.toMatchObject({ code: Code.DeadlineExceeded });
    await desk.entered(taskId);
    desk.release(taskId);
    const [event] = (await tasks.listEvents({ taskId })).events;
    await followUntil(tasks, { taskId }, tellsProcessed(event?.id));
  });
});

it("a wait without any time tells what has become of the event, however long its log has grown since", async () => {
  const go = Promise.withResolvers<void>();
  await using rig = await startRig({ onTaskEventSend: () => go.promise });
  const taskId = await rig.create();
  const options = { requestId: randomUUID(), wait };
  const first = rig.tasks.send(taskId, "first", options);
  // More than are read from a log at once.
  await Promise.all(Array.from({ length: 300 }, () => rig.tasks.send(taskId, "x")));
  go.resolve();
  const { settledSequence } = await first;
  const again = await rig.tasks.send(taskId, "first", { ...options, waitTimeout: 0 });
  expect(again).toMatchObject({ event: { state: EventState.PROCESSED }, settledSequence });
});

it("a wait ends with UNAVAILABLE when the server stops", async () => {
  const stopping = await startServer({ drain: 5000 });
  const { tasks } = clientsOf(openAny(stopping.url));
  const taskId = await newTask(tasks);
  const failure = failureOf(tasks.sendEvent({ taskId, type: "block", parts: [text("x")], wait }));
  await stopping.desk.entered(taskId);
  const closed = stopping.close();
  expect(await failure).toMatchObject({ code: "Unavailable", reason: "SERVER_STOPPING" });
  await closed;
});

it("a duplicate of an event that was dead-lettered, and redriven since, waits for what comes of it now", async () => {
  const { tasks } = clientsOf(openAny(server.url));
  const taskId = await newTask(tasks);
  const request = { taskId, type: "fail", parts: [text("x")], wait, requestId: randomUUID() };
  const first = await tasks.sendEvent(request);
  await tasks.sendEvent({ taskId, type: "block", parts: [text("x")] });
  await server.desk.entered(taskId);
  await tasks.redriveEvent({ taskId, target: { case: "all", value: true } });
  const second = tasks.sendEvent(request);
  server.desk.release(taskId);
  const { event, settledSequence } = await second;
  expect(event?.state).toBe(EventState.DEAD_LETTERED);
  expect(settledSequence).toBeGreaterThan(first.settledSequence);
  await sendAndWait(tasks, taskId, "finish");
  expect((await tasks.sendEvent(request)).settledSequence).toBe(settledSequence);
  expect(present(event).id).toBe(first.event?.id);
});
