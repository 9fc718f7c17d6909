import { toJson } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { createClient, type EventContent, TaskState } from "../src/client/index.ts";
import { CancelTaskRequestSchema, CreateTaskRequestSchema, SendEventRequestSchema } from "../src/proto.ts";
import { collect } from "./client-log.ts";
import { quickly, serverError, serveScript, stopping } from "./client-scripted-server.ts";

function clientOf(baseUrl: string) {
  return createClient({ baseUrl, retry: quickly });
}

describe("create", () => {
  it("sends all that a task is made of", async () => {
    let seen: unknown;
    await using server = await serveScript({
      createTask(request) {
        seen = toJson(CreateTaskRequestSchema, request);
        return { task: { id: "t" }, created: true };
      },
    });
    const { task, created } = await clientOf(server.url).tasks.create({
      agent: "greeter",
      name: "one",
      params: { deep: { list: [1, null, "x"] } },
      labels: { team: "red" },
      parentTaskId: "p",
      event: { parts: [{ text: "hi" }], type: "chat", sender: "ada" },
      requestId: "r",
    });
    expect([task.id, created]).toEqual(["t", true]);
    expect(seen).toEqual({
      agent: "greeter",
      name: "one",
      params: { deep: { list: [1, null, "x"] } },
      labels: { team: "red" },
      parentTaskId: "p",
      event: { parts: [{ text: "hi" }], type: "chat", sender: "ada" },
      requestId: "r",
    });
  });
});

describe("send", () => {
  const text = { parts: [{ text: "hi" }] };
  const data = { data: { a: [1] } };

  it.each<[string, EventContent, object]>([
    ["a text", "hi", text],
    ["a part", { text: "hi" }, text],
    ["several parts", [{ text: "hi" }, data], { parts: [{ text: "hi" }, data] }],
    [
      "a whole event",
      { ...text, type: "chat", metadata: { a: 1 } },
      { ...text, type: "chat", metadata: { a: 1 } },
    ],
  ])("takes %s", async (_, content, expected) => {
    let seen: unknown;
    await using server = await serveScript({
      sendEvent(request) {
        seen = toJson(SendEventRequestSchema, request);
        return { event: { id: "e" } };
      },
    });
    await clientOf(server.url).tasks.send("t", content, { requestId: "r" });
    expect(seen).toEqual({ taskId: "t", requestId: "r", ...expected });
  });

  it("lets the options say what goes with the parts", async () => {
    let seen: unknown;
    await using server = await serveScript({
      sendEvent(request) {
        seen = toJson(SendEventRequestSchema, request);
        return { event: { id: "e" } };
      },
    });
    const options = { type: "chat", sender: "ada", metadata: { a: 1 }, expectedSequence: 7n, requestId: "r" };
    await clientOf(server.url).tasks.send("t", { ...text, type: "other" }, options);
    expect(seen).toEqual({ ...options, ...text, taskId: "t", expectedSequence: "7" });
  });

  it("rejects content of another shape before it calls", async () => {
    const content: object = { parts: [{ txt: "hi" }] };
    await expect(clientOf("http://127.0.0.1:1").tasks.send("t", content)).rejects.toMatchObject({
      reason: "REQUEST_MALFORMED",
      code: Code.InvalidArgument,
    });
  });
});

describe("cancel", () => {
  it("sends the reason", async () => {
    let seen: unknown;
    await using server = await serveScript({
      cancelTask(request) {
        seen = toJson(CancelTaskRequestSchema, request);
        return { task: { state: TaskState.CANCELLING } };
      },
    });
    const { task } = await clientOf(server.url).tasks.cancel("t", { reason: "late", requestId: "r" });
    expect(task.state).toBe(TaskState.CANCELLING);
    expect(seen).toEqual({ taskId: "t", reason: "late", requestId: "r" });
  });
});

describe("reads", () => {
  it("get a task by id and by name", async () => {
    await using server = await serveScript({
      getTask: ({ key }) => ({ task: { id: key.case ?? "", name: key.value ?? "" } }),
    });
    const { tasks } = clientOf(server.url);
    expect(await tasks.get("t")).toMatchObject({ id: "taskId", name: "t" });
    expect(await tasks.get({ name: "n" })).toMatchObject({ id: "name", name: "n" });
  });

  it("go through all pages, and ask for a page only when it is needed", async () => {
    const asked: string[] = [];
    await using server = await serveScript({
      listTasks({ agent, states, pageSize, pageToken }) {
        asked.push(pageToken);
        if (agent !== "a" || states[0] !== TaskState.ACTIVE || pageSize !== 2) throw new Error("filters");
        if (asked.length === 2) throw stopping();
        const page = Number(pageToken);
        const tasks = [{ id: `${page}.0` }, { id: `${page}.1` }];
        return { tasks: page === 1 ? [] : tasks, nextPageToken: page < 2 ? String(page + 1) : "" };
      },
    });
    const { tasks } = clientOf(server.url);
    const filters = { agent: "a", states: [TaskState.ACTIVE], pageSize: 2 };
    for await (const { id } of tasks.list(filters)) if (id === "0.1") break;
    expect(asked).toEqual([""]);
    expect((await collect(tasks.list(filters))).map(({ id }) => id)).toEqual(["0.0", "0.1", "2.0", "2.1"]);
    expect(asked).toEqual(["", "", "", "1", "2"]);
  });

  it("list events, messages and agents, and tell an agent's state for a task", async () => {
    await using server = await serveScript({
      listEvents: ({ taskId }) => ({ events: [{ taskId }] }),
      listMessages: ({ taskId }) => ({ messages: [{ taskId }] }),
      getTaskState: () => ({ state: { count: 1 }, revision: 2n, sequence: 3n }),
      agents: {
        listAgents: () => ({ agents: [{ name: "a" }, { name: "b" }] }),
        getAgent({ agent }) {
          if (agent === "a") return { agent: { name: agent } };
          throw serverError(Code.NotFound, "AGENT_NOT_FOUND");
        },
      },
    });
    const { tasks, agents } = clientOf(server.url);
    expect(await collect(tasks.events("t"))).toMatchObject([{ taskId: "t" }]);
    expect(await collect(tasks.messages("t"))).toMatchObject([{ taskId: "t" }]);
    expect(await tasks.state("t")).toEqual({ state: { count: 1 }, revision: 2n, sequence: 3n });
    expect((await collect(agents.list())).map(({ name }) => name)).toEqual(["a", "b"]);
    expect((await agents.get("a")).name).toBe("a");
    await expect(agents.get("b")).rejects.toMatchObject({ reason: "AGENT_NOT_FOUND" });
  });

  it("run the interceptors around every try", async () => {
    let calls = 0;
    await using server = await serveScript({
      getTask(_, { requestHeader }) {
        calls += 1;
        if (requestHeader.get("authorization") !== "Bearer x") throw new Error("no token");
        if (calls === 1) throw stopping();
        return { task: { id: "t" } };
      },
    });
    const { tasks } = createClient({
      baseUrl: server.url,
      retry: quickly,
      interceptors: [
        (next) => (request) => {
          request.header.set("authorization", "Bearer x");
          return next(request);
        },
      ],
    });
    expect((await tasks.get("t")).id).toBe("t");
    expect(calls).toBe(2);
  });
});
