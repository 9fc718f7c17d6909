import { randomUUID } from "node:crypto";
import { afterAll, describe, expect, it } from "vitest";
import { EventState, TaskState, type TaskUpdate } from "../src/proto.ts";
import { failureOf } from "./service-failure.ts";
import {
  clientsOf,
  followUntil,
  newTask,
  readAll,
  sendAndWait,
  text,
  textOf,
  updatesOf,
  viewOf,
} from "./service-follow.ts";
import { openAny, protocols } from "./service-protocols.ts";
import { startServer } from "./service-server.ts";

const server = await startServer({ heartbeat: 10 });
afterAll(async () => {
  await server.close();
  expect(server.defects).toEqual([]);
});

/** Names what an update tells. */
function tell({ entry }: TaskUpdate): string {
  switch (entry.case) {
    case "task":
      return `task ${TaskState[entry.value.state]}`;
    case "event":
      return `event ${EventState[entry.value.state]}`;
    case "delta":
      return `delta ${entry.value.change.case}`;
    default:
      return String(entry.case);
  }
}

const isHeartbeat = ({ entry }: TaskUpdate) => entry.case === "heartbeat";

/** Reads to the end, if there is one. */
async function drain(updates: AsyncIterable<TaskUpdate>): Promise<void> {
  for await (const _ of updates);
}

describe.each(protocols)("SubscribeTask over $name", ({ open }) => {
  const { tasks } = clientsOf(open(server));

  it("replays a task that has ended, and ends OK", async () => {
    const taskId = await newTask(tasks);
    const event = await sendAndWait(tasks, taskId, "stumble", "tea");
    await sendAndWait(tasks, taskId, "finish", "had tea");
    const updates = await readAll(tasks.subscribeTask({ taskId }));
    expect(updates.map(tell)).toEqual([
      "task ACTIVE",
      ...["event QUEUED", "event PROCESSING", "message", "delta part", "superseded"],
      ...["event QUEUED", "event PROCESSING", "message", "delta part", "message", "event PROCESSED"],
      ...["event QUEUED", "event PROCESSING", "event PROCESSED"],
      "task COMPLETED",
    ]);
    expect(updates.at(-1)?.entry.value).toMatchObject({
      state: TaskState.COMPLETED,
      statusReason: "had tea",
    });
    const superseded = updates[5]?.entry;
    if (superseded?.case !== "superseded") return expect.fail("not superseded");
    expect(superseded.value).toMatchObject({ eventId: event.id, attempt: 1, error: { message: "stumbled" } });
    expect(superseded.value.messageIds).toHaveLength(1);
    const { messages } = await tasks.listMessages({ taskId });
    expect(viewOf(updates).messages.map(({ parts }) => textOf(parts))).toEqual(["tea"]);
    expect(viewOf(updates).messages.map(({ id }) => id)).toEqual(messages.map(({ id }) => id));
  });

  it("goes on with what happens after the replay, and tells by a heartbeat where that begins", async () => {
    const taskId = await newTask(tasks);
    await sendAndWait(tasks, taskId, "echo");
    const updates = updatesOf(tasks.subscribeTask({ taskId }));
    const replay: TaskUpdate[] = [];
    for (let next = await updates.next(); next.done !== true; next = await updates.next()) {
      replay.push(next.value);
      if (isHeartbeat(next.value)) break;
    }
    const { sequence } = await tasks.listEvents({ taskId });
    expect(replay.at(-1)?.sequence).toBe(sequence);
    await tasks.sendEvent({ taskId, type: "finish", parts: [text("x")] });
    const live: TaskUpdate[] = [];
    for await (const update of updates) if (!isHeartbeat(update)) live.push(update);
    expect(live.map(tell)).toEqual(["event QUEUED", "event PROCESSING", "event PROCESSED", "task COMPLETED"]);
    expect(live.map((update) => update.sequence)).toEqual([1n, 2n, 3n, 4n].map((n) => sequence + n));
  });

  it("resumes after any sequence", async () => {
    const taskId = await newTask(tasks);
    await sendAndWait(tasks, taskId, "stream", "a b c");
    await sendAndWait(tasks, taskId, "finish");
    const whole = await readAll(tasks.subscribeTask({ taskId }));
    for (const [index, { sequence }] of whole.entries()) {
      const rest = await readAll(tasks.subscribeTask({ taskId, afterSequence: sequence }));
      expect(rest).toEqual(whole.slice(index + 1));
    }
  });

  it("sends heartbeats while nothing happens", async () => {
    const taskId = await newTask(tasks);
    await sendAndWait(tasks, taskId, "echo");
    const { sequence } = await tasks.listEvents({ taskId });
    let count = 0;
    const request = { taskId, afterSequence: sequence };
    const updates = await followUntil(tasks, request, (update) => isHeartbeat(update) && ++count === 4);
    expect(updates.map(tell)).toEqual(Array(4).fill("heartbeat"));
    expect(new Set(updates.map((update) => update.sequence))).toEqual(new Set([sequence]));
  });

  it("refuses a task that is not there", async () => {
    const taskId = randomUUID();
    expect(await failureOf(readAll(tasks.subscribeTask({ taskId })))).toMatchObject({
      code: "NotFound",
      reason: "TASK_NOT_FOUND",
      resource: `task ${taskId}`,
    });
  });

  it("refuses a sequence past the end, and one below zero", async () => {
    const taskId = await newTask(tasks);
    await sendAndWait(tasks, taskId, "echo");
    const { sequence } = await tasks.listEvents({ taskId });
    for (const afterSequence of [sequence + 1n, 2n ** 63n - 1n]) {
      const past = readAll(tasks.subscribeTask({ taskId, afterSequence }));
      expect(await failureOf(past)).toMatchObject({
        code: "OutOfRange",
        reason: "SEQUENCE_OUT_OF_RANGE",
        metadata: { last_sequence: String(sequence) },
        fields: { after_sequence: `must be at most ${sequence}, the sequence of the newest entry` },
      });
    }
    expect(await failureOf(readAll(tasks.subscribeTask({ taskId, afterSequence: -1n })))).toMatchObject({
      code: "InvalidArgument",
      reason: "FIELD_INVALID",
      fields: { after_sequence: "must be at least 0, is -1" },
    });
  });
});

it("a server that closes ends the subscriptions over every protocol with UNAVAILABLE", async () => {
  await using closing = await startServer();
  const taskId = await newTask(clientsOf(openAny(closing.url)).tasks);
  const subscriptions = protocols.map(({ open }) =>
    updatesOf(clientsOf(open(closing)).tasks.subscribeTask({ taskId })),
  );
  for (const subscription of subscriptions) {
    for (let next = await subscription.next(); ; next = await subscription.next()) {
      if (next.done === true || isHeartbeat(next.value)) break;
    }
  }
  const rests = subscriptions.map((subscription) => failureOf(drain(subscription)));
  await closing.close();
  for (const failure of await Promise.all(rests)) {
    expect(failure).toMatchObject({ code: "Unavailable", reason: "SERVER_STOPPING", retryAfter: 1000 });
  }
});
