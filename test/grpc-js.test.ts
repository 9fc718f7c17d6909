import { randomUUID } from "node:crypto";
import { once } from "node:events";
import type { DescMethodServerStreaming, DescMethodUnary } from "@bufbuild/protobuf";
import { Metadata, status } from "@grpc/grpc-js";
import { afterAll, describe, expect, it } from "vitest";
import { AgentService, TaskService, TaskState } from "../src/proto.ts";
import { createGrpcClient, failureOf, statusOf } from "./grpc-js-client.ts";
import { present, text, textOf, viewOf } from "./service-follow.ts";
import { startServer } from "./service-server.ts";

const server = await startServer({ heartbeat: 50 });
afterAll(async () => {
  await server.close();
  expect(server.defects).toEqual([]);
});

const { createTask, sendEvent, getTask, subscribeTask, cancelTask } = TaskService.method;

describe.each([
  ["the port for everything", server.url],
  ["the gRPC door", present(server.grpcUrl)],
])("@grpc/grpc-js at %s", (_, url) => {
  const client = createGrpcClient(new URL(url).host);
  afterAll(() => client.close());

  async function newTask(): Promise<string> {
    return present((await client.unary(createTask, { agent: "desk" }).answer).task).id;
  }

  async function send(taskId: string, type: string, value = "x") {
    return client.unary(sendEvent, { taskId, type, parts: [text(value)] }).answer;
  }

  /** Reads a subscription to its end. */
  async function readAll(taskId: string, afterSequence = 0n) {
    const updates = [];
    for await (const { update } of client.stream(subscribeTask, { taskId, afterSequence })) {
      updates.push(present(update));
    }
    return updates;
  }

  it("calls unary methods", async () => {
    const { agents } = await client.unary(AgentService.method.listAgents, {}).answer;
    expect(agents.map(({ name }) => name)).toEqual(["desk", "other"]);
    const taskId = await newTask();
    const { event } = await send(taskId, "echo", "hello");
    expect(event).toMatchObject({ taskId, type: "echo" });
    const { task } = await client.unary(getTask, { key: { case: "taskId", value: taskId } }).answer;
    expect(task?.agent).toBe("desk");
  });

  it("follows a task to its end", async () => {
    const taskId = await newTask();
    const reading = readAll(taskId);
    await send(taskId, "stream", "one two three");
    await send(taskId, "finish");
    const view = viewOf(await reading);
    expect(view.task?.state).toBe(TaskState.COMPLETED);
    expect(view.messages.map(({ parts }) => textOf(parts))).toEqual(["one two three "]);
    expect(viewOf(await readAll(taskId))).toEqual(view);
  });

  it("reads errors with their details from the trailers", async () => {
    const taskId = randomUUID();
    const error = await failureOf(send(taskId, "echo"));
    expect(error).toMatchObject({ code: status.NOT_FOUND, details: `there is no task "${taskId}"` });
    expect(statusOf(error)).toMatchObject({
      code: status.NOT_FOUND,
      message: error.details,
      details: [
        { reason: "TASK_NOT_FOUND", domain: "pigeonhole" },
        { resourceType: "task", resourceName: taskId },
      ],
    });
  });

  it("reads which field is out of its bounds", async () => {
    const error = await failureOf(client.unary(createTask, { agent: "" }).answer);
    expect(statusOf(error)).toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: [
        { reason: "FIELD_INVALID", domain: "pigeonhole" },
        { fieldViolations: [{ field: "agent", description: "must not be empty" }] },
      ],
    });
  });

  it("reads the error that a stream begins with", async () => {
    const error = await failureOf(readAll(await newTask(), 1000n));
    expect(error.code).toBe(status.OUT_OF_RANGE);
    expect(statusOf(error).details[0]).toMatchObject({ reason: "SEQUENCE_OUT_OF_RANGE" });
  });

  it("keeps a message that is not ASCII", async () => {
    const error = await failureOf(client.unary(createTask, { agent: "käse ✓" }).answer);
    expect(error.details).toBe('there is no agent "käse ✓"');
  });

  it("ends a stream at its deadline", async () => {
    const taskId = await newTask();
    const stream = client.stream(subscribeTask, { taskId }, { deadline: Date.now() + 100 });
    stream.resume();
    const [error] = await once(stream, "error").catch((reason: unknown) => [reason]);
    expect(error).toMatchObject({ code: status.DEADLINE_EXCEEDED });
  });

  it("tells DEADLINE_EXCEEDED by itself when the client does not", async () => {
    // The header alone: nobody but the server looks at it.
    const metadata = new Metadata();
    metadata.set("grpc-timeout", "50m");
    const taskId = await newTask();
    const stream = client.stream(subscribeTask, { taskId }, { metadata });
    stream.resume();
    const [error] = await once(stream, "error").catch((reason: unknown) => [reason]);
    expect(error).toMatchObject({ code: status.DEADLINE_EXCEEDED });
    expect(statusOf(error).details[0]).toMatchObject({ reason: "DEADLINE_EXCEEDED" });
  });

  it("cancels a stream, and the connection goes on", async () => {
    const taskId = await newTask();
    const stream = client.stream(subscribeTask, { taskId });
    await once(stream, "data");
    stream.cancel();
    stream.resume();
    const [error] = await once(stream, "error").catch((reason: unknown) => [reason]);
    expect(error).toMatchObject({ code: status.CANCELLED });
    await send(taskId, "finish");
    expect(viewOf(await readAll(taskId)).task?.state).toBe(TaskState.COMPLETED);
  });

  it("cancels a unary call", async () => {
    const { call, answer } = client.unary(createTask, { agent: "desk" });
    call.cancel();
    expect((await failureOf(answer)).code).toBe(status.CANCELLED);
  });

  it("reads as slowly as it likes", async () => {
    const taskId = await newTask();
    const stream = client.stream(subscribeTask, { taskId });
    await once(stream, "data");
    stream.pause();
    await send(taskId, "flood", "3 x 100");
    await send(taskId, "finish");
    const updates = await readAll(taskId);
    const slow = [];
    for await (const { update } of stream) slow.push(present(update));
    const { messages, task } = viewOf(updates);
    expect(messages.map(({ parts }) => textOf(parts).length)).toEqual([1_000_000, 1_000_000, 1_000_000]);
    expect(viewOf(slow).messages).toEqual(messages);
    expect(task?.state).toBe(TaskState.COMPLETED);
  });

  it("gets UNIMPLEMENTED for a method or a service that is not there", async () => {
    const elsewhere = { ...cancelTask, name: "PauseTask" } satisfies DescMethodUnary;
    const error = await failureOf(client.unary(elsewhere, { taskId: "t" }).answer);
    expect(error.code).toBe(status.UNIMPLEMENTED);
    expect(statusOf(error).details[0]).toMatchObject({ reason: "METHOD_UNKNOWN", domain: "pigeonhole" });
    const parent = { ...TaskService, typeName: "pigeonhole.v0.TaskService" };
    const older = { ...subscribeTask, parent } satisfies DescMethodServerStreaming;
    const stream = client.stream(older, { taskId: "t" });
    stream.resume();
    const [streamError] = await once(stream, "error").catch((reason: unknown) => [reason]);
    expect(streamError).toMatchObject({ code: status.UNIMPLEMENTED });
  });

  it("makes many calls at once over one connection", async () => {
    const taskIds = await Promise.all(Array.from({ length: 200 }, newTask));
    expect(new Set(taskIds).size).toBe(200);
    await Promise.all(taskIds.map((taskId) => send(taskId, "finish", taskId)));
    const ends = await Promise.all(taskIds.map(async (taskId) => viewOf(await readAll(taskId)).task));
    expect(ends.map((task) => task?.statusReason)).toEqual(taskIds);
  });
});
