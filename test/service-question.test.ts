import { randomUUID } from "node:crypto";
import { create, fromJson, type JsonValue } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import { afterAll, describe, expect, it } from "vitest";
import { PartSchema, TaskState } from "../src/proto.ts";
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
import { protocols } from "./service-protocols.ts";
import { startServer } from "./service-server.ts";

const server = await startServer();
afterAll(async () => {
  await server.close();
  expect(server.defects).toEqual([]);
});

const data = (value: JsonValue) =>
  create(PartSchema, { content: { case: "data", value: fromJson(ValueSchema, value) } });

describe.each(protocols)("a question over $name", ({ open }) => {
  const { tasks } = clientsOf(open(server));
  const schema = {
    type: "object",
    properties: { approved: { type: "boolean" } },
    required: ["approved"],
  };
  const get = async (value: string) =>
    present((await tasks.getTask({ key: { case: "taskId", value } })).task);
  const ask = async (metadata = {}) => {
    const taskId = await newTask(tasks);
    await sendAndWait(tasks, taskId, "ask", "may I?", metadata);
    const task = await get(taskId);
    return { taskId, task, answers: present(task.question).id };
  };

  it("is shown by the task that asks, and gone when it is answered, which goes ahead of what waits", async () => {
    const { taskId, task, answers } = await ask({ schema });
    expect(task).toMatchObject({
      state: TaskState.INPUT_REQUIRED,
      question: { prompt: "may I?", schema },
    });
    const waits = present((await tasks.sendEvent({ taskId, parts: [text("waits")] })).event);
    const parts = [text("yes"), data({ approved: true })];
    const { event } = await tasks.sendEvent({ taskId, answers, parts });
    expect(event?.answers).toBe(answers);
    const log = await followUntil(tasks, { taskId }, tellsProcessed(waits.id));
    const processed = log.filter((update) => tellsProcessed(event?.id)(update));
    expect(processed).toHaveLength(1);
    expect(log.some(({ entry }) => tellsState(entry, TaskState.INPUT_REQUIRED))).toBe(true);
    const { state, question } = await get(taskId);
    expect({ state, question }).toEqual({ state: TaskState.ACTIVE, question: undefined });
  });

  it("takes any answer if it has no schema", async () => {
    const { taskId, answers } = await ask();
    const { event } = await tasks.sendEvent({ taskId, answers, parts: [text("sure")] });
    await followUntil(tasks, { taskId }, tellsProcessed(event?.id));
  });

  it.each<[string, JsonValue[], string]>([
    ["of another type", [{ approved: "yes" }], "parts[0].data.approved"],
    ["without what is required", [{}], "parts[0].data.approved"],
    ["that is no object", ["yes"], "parts[0].data"],
    ["without data", [], "parts"],
    ["with more than one", [{ approved: true }, { approved: true }], "parts"],
  ])("refuses an answer %s, and stays open", async (_, values, field) => {
    const { taskId, answers } = await ask({ schema });
    const parts = [...values.map(data), text("what do you say?")];
    const failure = {
      code: "InvalidArgument",
      reason: "ANSWER_INVALID",
      fields: { [field]: expect.any(String) },
    };
    expect(await failureOf(tasks.sendEvent({ taskId, answers, parts }))).toMatchObject(failure);
    expect((await get(taskId)).question?.id).toBe(answers);
  });

  it("is answered once; the same request gets the same answer, another one is refused", async () => {
    const { taskId, answers } = await ask({ schema });
    const request = { taskId, answers, parts: [data({ approved: true })], requestId: randomUUID() };
    const first = await tasks.sendEvent(request);
    expect(await tasks.sendEvent(request)).toEqual({ ...first, duplicate: true });
    const late = { taskId, answers, parts: [data("no")] };
    expect(await failureOf(tasks.sendEvent(late))).toMatchObject({
      code: "FailedPrecondition",
      reason: "QUESTION_CLOSED",
    });
  });

  it("is not answered by its id at a task that does not ask it", async () => {
    const { answers } = await ask();
    const taskId = await newTask(tasks);
    expect(await failureOf(tasks.sendEvent({ taskId, answers, parts: [text("x")] }))).toMatchObject({
      reason: "QUESTION_CLOSED",
    });
    const unknown = { taskId: randomUUID(), answers, parts: [text("x")] };
    expect(await failureOf(tasks.sendEvent(unknown))).toMatchObject({ reason: "TASK_NOT_FOUND" });
  });

  it("of a named task is checked against the answer that CreateTask brings", async () => {
    const name = randomUUID();
    const { task } = await tasks.createTask({ agent: "desk", name });
    const taskId = present(task).id;
    await sendAndWait(tasks, taskId, "ask", "may I?", { schema });
    const answers = present((await get(taskId)).question).id;
    const answer = (value: JsonValue) =>
      tasks.createTask({ agent: "desk", name, event: { answers, parts: [data(value)] } });
    expect(await failureOf(answer(1))).toMatchObject({
      reason: "ANSWER_INVALID",
      fields: { "event.parts[0].data": expect.any(String) },
    });
    expect((await answer({ approved: false })).event?.answers).toBe(answers);
  });
});
