import { randomUUID } from "node:crypto";
import { createRegistry } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { afterAll, describe, expect, it } from "vitest";
import { ErrorInfoSchema, EventState, MessageAuthor, MessageState, TaskState } from "../src/proto.ts";
import { failureOf } from "./service-failure.ts";
import { clientsOf, followUntil, newTask, present, sendAndWait, text, textOf } from "./service-follow.ts";
import { protocols } from "./service-protocols.ts";
import { startServer } from "./service-server.ts";

const errorInfos = createRegistry(ErrorInfoSchema);
const server = await startServer();
afterAll(async () => {
  await server.close();
  expect(server.defects).toEqual([]);
});

describe.each(protocols)("a mailbox over $name", ({ open }) => {
  const { tasks } = clientsOf(open(server));
  const { desk } = server;
  const send = (taskId: string, type = "") => tasks.sendEvent({ taskId, type, parts: [text("x")] });
  const getTask = async (value: string) =>
    present((await tasks.getTask({ key: { case: "taskId", value } })).task);

  describe("SendEvent", () => {
    it("accepts an event with all that it says", async () => {
      const taskId = await newTask(tasks);
      const data = { case: "data" as const, value: { kind: { case: "boolValue" as const, value: true } } };
      const bytes = { source: { case: "bytes" as const, value: Uint8Array.of(0, 255) }, mediaType: "a/b" };
      const { event, duplicate } = await tasks.sendEvent({
        taskId,
        parts: [
          { ...text("ünï✓"), metadata: { k: [1] } },
          { content: data },
          { content: { case: "file", value: bytes } },
        ],
        type: "note",
        sender: "ada",
        metadata: { n: 1 },
      });
      expect(duplicate).toBe(false);
      expect(event).toMatchObject({ taskId, type: "note", sender: "ada", metadata: { n: 1 }, attempt: 0 });
      expect(event?.state).toBe(EventState.QUEUED);
      const { events } = await tasks.listEvents({ taskId });
      expect(events[0]?.parts).toEqual(event?.parts);
      expect(events[0]?.parts[0]).toMatchObject({ ...text("ünï✓"), metadata: { k: [1] } });
      expect(events[0]?.parts[2]?.content).toMatchObject({ value: bytes });
    });

    it("answers a repeated request the same, as a duplicate, also when it was processed", async () => {
      const taskId = await newTask(tasks);
      const request = { taskId, parts: [text("x")], requestId: randomUUID() };
      const first = await tasks.sendEvent(request);
      await sendAndWait(tasks, taskId, "finish");
      expect(await tasks.sendEvent(request)).toEqual({ ...first, duplicate: true });
      expect((await tasks.listEvents({ taskId })).events).toHaveLength(2);
    });

    it("refuses a request id with other content", async () => {
      const taskId = await newTask(tasks);
      const requestId = randomUUID();
      await tasks.sendEvent({ taskId, parts: [text("x")], requestId });
      expect(await failureOf(tasks.sendEvent({ taskId, parts: [text("y")], requestId }))).toMatchObject({
        code: "AlreadyExists",
        reason: "REQUEST_ID_REUSED",
        resource: `request ${requestId}`,
      });
    });

    it("accepts an event at the sequence that it expects, and at no other", async () => {
      const taskId = await newTask(tasks);
      await sendAndWait(tasks, taskId, "echo");
      const { sequence } = await tasks.listEvents({ taskId });
      const at = (expectedSequence: bigint) =>
        tasks.sendEvent({ taskId, parts: [text("x")], expectedSequence });
      expect(await failureOf(at(sequence - 1n))).toMatchObject({
        code: "Aborted",
        reason: "SEQUENCE_MISMATCH",
        metadata: { sequence: String(sequence) },
      });
      expect((await at(sequence)).event?.sequence).toBe(sequence + 1n);
    });

    it("refuses an event when the mailbox is full, and says when to try again", async () => {
      const taskId = await newTask(tasks);
      await send(taskId, "block");
      await desk.entered(taskId);
      for (let count = 0; count < 3; count++) await send(taskId);
      expect(await failureOf(send(taskId))).toMatchObject({
        code: "ResourceExhausted",
        reason: "MAILBOX_FULL",
        metadata: { max_pending: "3" },
        resource: `task ${taskId}`,
        retryAfter: 1000,
      });
      expect((await getTask(taskId)).pendingEvents).toBe(3);
      desk.release(taskId);
    });

    it("refuses a task that is not there, and one that has ended", async () => {
      const taskId = await newTask(tasks);
      await sendAndWait(tasks, taskId, "finish");
      expect(await failureOf(send(taskId))).toMatchObject({
        code: "FailedPrecondition",
        reason: "TASK_FINISHED",
        metadata: { state: "COMPLETED" },
        precondition: {
          type: "TASK_FINISHED",
          subject: taskId,
          description: expect.stringContaining("COMPLETED"),
        },
      });
      const unknown = randomUUID();
      expect(await failureOf(send(unknown))).toMatchObject({
        code: "NotFound",
        reason: "TASK_NOT_FOUND",
        resource: `task ${unknown}`,
      });
    });
  });

  describe("CancelTask", () => {
    it("stops the handler, drops what waits and has the last word said", async () => {
      const taskId = await newTask(tasks);
      const { event } = await send(taskId, "block");
      await desk.entered(taskId);
      await send(taskId);
      const { task, duplicate } = await tasks.cancelTask({ taskId, reason: "enough" });
      expect({ state: task?.state, duplicate }).toEqual({ state: TaskState.CANCELLING, duplicate: false });
      await followUntil(
        tasks,
        { taskId },
        ({ entry }) => entry.case === "task" && entry.value.endTime !== undefined,
      );
      const { state, statusReason, pendingEvents } = await getTask(taskId);
      expect({ state, statusReason, pendingEvents }).toEqual({
        state: TaskState.CANCELLED,
        statusReason: "enough",
        pendingEvents: 0,
      });
      const { events } = await tasks.listEvents({ taskId });
      expect(events.map((one) => one.state)).toEqual([EventState.DROPPED, EventState.DROPPED]);
      expect(events[0]?.id).toBe(event?.id);
      const { messages } = await tasks.listMessages({ taskId });
      expect(messages.map(({ parts }) => textOf(parts))).toEqual(["cancelled: enough"]);
    });

    it("answers the same when the task is cancelled already", async () => {
      const taskId = await newTask(tasks);
      const requestId = randomUUID();
      const first = await tasks.cancelTask({ taskId, reason: "one", requestId });
      const other = await tasks.cancelTask({ taskId, reason: "two" });
      expect(other.duplicate).toBe(false);
      expect(other.task).toMatchObject({ id: taskId, statusReason: "one" });
      expect([TaskState.CANCELLING, TaskState.CANCELLED]).toContain(other.task?.state);
      expect(await tasks.cancelTask({ taskId, reason: "one", requestId })).toEqual({
        ...first,
        duplicate: true,
      });
      expect(await failureOf(tasks.cancelTask({ taskId, reason: "two", requestId }))).toMatchObject({
        code: "AlreadyExists",
        reason: "REQUEST_ID_REUSED",
      });
    });

    it("refuses a task that is not there, and one that has completed or failed", async () => {
      const unknown = randomUUID();
      expect(await failureOf(tasks.cancelTask({ taskId: unknown }))).toMatchObject({
        code: "NotFound",
        resource: `task ${unknown}`,
      });
      for (const [type, state] of [
        ["finish", "COMPLETED"],
        ["abandon", "FAILED"],
      ] as const) {
        const taskId = await newTask(tasks);
        await sendAndWait(tasks, taskId, type);
        expect(await failureOf(tasks.cancelTask({ taskId }))).toMatchObject({
          code: "FailedPrecondition",
          reason: "TASK_FINISHED",
          metadata: { state },
          precondition: { type: "TASK_FINISHED", subject: taskId },
        });
      }
    });
  });

  describe("reading what came of it", () => {
    it("lists events with their states, by state and in pages", async () => {
      const taskId = await newTask(tasks);
      await sendAndWait(tasks, taskId, "echo", "one");
      await sendAndWait(tasks, taskId, "stumble", "two");
      await send(taskId, "block");
      await desk.entered(taskId);
      await send(taskId);
      const { events, sequence } = await tasks.listEvents({ taskId });
      expect(events.map(({ state, attempt }) => [EventState[state], attempt])).toEqual([
        ["PROCESSED", 1],
        ["PROCESSED", 2],
        ["PROCESSING", 1],
        ["QUEUED", 0],
      ]);
      expect(events[1]?.lastError).toMatchObject({ code: 2, message: "stumbled" });
      expect(sequence).toBe((await getTask(taskId)).sequence);
      const listed: string[] = [];
      let pageToken = "";
      do {
        const page = await tasks.listEvents({
          taskId,
          states: [EventState.PROCESSED, EventState.QUEUED],
          pageSize: 1,
          pageToken,
        });
        listed.push(...page.events.map(({ id }) => id));
        pageToken = page.nextPageToken;
      } while (pageToken !== "");
      expect(listed).toEqual([events[0]?.id, events[1]?.id, events[3]?.id]);
      desk.release(taskId);
    });

    it("lists messages without those that are superseded, in pages", async () => {
      const taskId = await newTask(tasks);
      await sendAndWait(tasks, taskId, "echo", "one");
      await sendAndWait(tasks, taskId, "stumble", "two");
      await sendAndWait(tasks, taskId, "stream", "three four");
      const { messages, sequence } = await tasks.listMessages({ taskId });
      expect(messages.map(({ parts, attempt }) => [textOf(parts), attempt])).toEqual([
        ["one", 1],
        ["two", 2],
        ["three four ", 1],
      ]);
      for (const message of messages) {
        expect(message).toMatchObject({ taskId, author: MessageAuthor.AGENT, state: MessageState.DONE });
      }
      expect(sequence).toBe((await getTask(taskId)).sequence);
      const first = await tasks.listMessages({ taskId, pageSize: 2 });
      const rest = await tasks.listMessages({ taskId, pageSize: 2, pageToken: first.nextPageToken });
      expect([...first.messages, ...rest.messages]).toEqual(messages);
      expect(rest.nextPageToken).toBe("");
    });

    it("shows what the agent keeps, with its revision", async () => {
      const taskId = await newTask(tasks);
      expect(await tasks.getTaskState({ taskId })).toMatchObject({ state: {}, revision: 0n });
      await sendAndWait(tasks, taskId, "remember", "x", { cups: 2, seen: ["a", null] });
      await sendAndWait(tasks, taskId, "remember", "x", { cups: 3 });
      const { state, revision, sequence } = await tasks.getTaskState({ taskId });
      expect({ state, revision }).toEqual({ state: { cups: 3, seen: ["a", null] }, revision: 2n });
      expect(sequence).toBe((await getTask(taskId)).sequence);

      const { states } = await tasks.listTaskStates({ taskId });
      expect(states.map((one) => [one.revision, one.changedKeys.sort()])).toEqual([
        [2n, ["cups"]],
        [1n, ["cups", "seen"]],
      ]);
      const [newest, oldest] = states;
      expect(Number(present(newest?.commitTime).seconds)).toBeGreaterThan(0);
      const { state: past, ...of } = await tasks.getTaskState({ taskId, revision: 1n });
      expect(past).toEqual({ cups: 2, seen: ["a", null] });
      expect(of).toMatchObject({ revision: 1n, sequence: oldest?.sequence });
      const first = await tasks.listTaskStates({ taskId, pageSize: 1 });
      const rest = await tasks.listTaskStates({ taskId, pageSize: 1, pageToken: first.nextPageToken });
      expect([...first.states, ...rest.states]).toEqual([newest, oldest]);
      expect(rest.nextPageToken).toBe("");
      expect(await failureOf(tasks.getTaskState({ taskId, revision: 3n }))).toMatchObject({
        code: "NotFound",
        reason: "REVISION_NOT_FOUND",
      });
    });

    it("shows what made a task fail", async () => {
      const taskId = await newTask(tasks, "other");
      const { event } = await tasks.sendEvent({ taskId, type: "fail", parts: [text("no tea")] });
      await followUntil(
        tasks,
        { taskId },
        ({ entry }) => entry.case === "task" && entry.value.endTime !== undefined,
      );
      const { state, error } = await getTask(taskId);
      expect({ state, error }).toMatchObject({
        state: TaskState.FAILED,
        error: { code: 2, message: "no tea" },
      });
      expect(error?.details.map((detail) => anyUnpack(detail, errorInfos))).toMatchObject([
        { reason: "HANDLER_FAILED", domain: "pigeonhole", metadata: { name: "RangeError" } },
      ]);
      const { events } = await tasks.listEvents({ taskId, states: [EventState.DEAD_LETTERED] });
      expect(events.map(({ id, attempt }) => [id, attempt])).toEqual([[event?.id, 2]]);
    });

    it.each(["listEvents", "listMessages", "getTaskState", "listTaskStates"] as const)(
      "%s refuses a task that is not there",
      async (rpc) => {
        const taskId = randomUUID();
        expect(await failureOf(tasks[rpc]({ taskId }))).toMatchObject({
          code: "NotFound",
          reason: "TASK_NOT_FOUND",
          resource: `task ${taskId}`,
        });
      },
    );
  });
});
