import { type JsonObject, toJson } from "@bufbuild/protobuf";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { afterEach, describe, expect, it, vi } from "vitest";
import {
  createClient,
  type EventContent,
  EventState,
  EventWait,
  OnBusy,
  TaskPermission,
  TaskState,
  WebhookKind,
} from "../src/client/index.ts";
import {
  CancelTaskRequestSchema,
  CreateTaskRequestSchema,
  InterruptTaskRequestSchema,
  SendEventRequestSchema,
} from "../src/proto.ts";
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

describe("create with an end", () => {
  it.each([
    [{ ttl: 1500 }, { ttl: "1.500s" }],
    [{ ttl: 0 }, { ttl: "0s" }],
    [{ ttl: 1000 / 3 }, { ttl: "0.334s" }],
    [{ expireTime: new Date("2030-01-02T03:04:05.678Z") }, { expireTime: "2030-01-02T03:04:05.678Z" }],
  ])("sends %j", async (options, expected) => {
    let seen: unknown;
    await using server = await serveScript({
      createTask(request) {
        seen = toJson(CreateTaskRequestSchema, request);
        return { task: { id: "t" } };
      },
    });
    await clientOf(server.url).tasks.create({ agent: "greeter", requestId: "r", ...options });
    expect(seen).toEqual({ agent: "greeter", requestId: "r", ...expected });
  });
});

describe("a time that is none", () => {
  const { tasks, tokens } = clientOf("http://127.0.0.1:1");
  const wait = EventWait.PROCESSED;

  it.each([
    ["ttl", () => tasks.create({ agent: "greeter", ttl: Number.POSITIVE_INFINITY })],
    ["expire_time", () => tasks.create({ agent: "greeter", expireTime: new Date("soon") })],
    ["deliver_time", () => tasks.send("t", "hi", { deliverTime: new Date("soon") })],
    ["wait_timeout", () => tasks.send("t", "hi", { wait, waitTimeout: Number.POSITIVE_INFINITY })],
    ["ttl", () => tasks.createToken("t", { permissions: [TaskPermission.SEND], ttl: Number.NaN })],
    ["ttl", () => tokens.create({ principal: "ada", ttl: Number.NaN })],
    ["ttl", () => tokens.create({ principal: "ada", ttl: Number.MAX_VALUE })],
  ])("is FIELD_INVALID: %s", async (field, call) => {
    await expect(call()).rejects.toMatchObject({
      reason: "FIELD_INVALID",
      code: Code.InvalidArgument,
      fields: [{ field }],
    });
  });
});

describe("send", () => {
  afterEach(() => vi.unstubAllGlobals());
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

  it("says when to deliver, what to do when the task is busy, and which question it answers", async () => {
    let seen: unknown;
    await using server = await serveScript({
      sendEvent(request) {
        seen = toJson(SendEventRequestSchema, request);
        return { event: { id: "e" } };
      },
    });
    await clientOf(server.url).tasks.send("t", data, {
      deliverTime: new Date(1_900_000_000_123),
      onBusy: OnBusy.STEER,
      answers: "q",
      requestId: "r",
    });
    expect(seen).toEqual({
      taskId: "t",
      parts: [data],
      deliverTime: "2030-03-17T17:46:40.123Z",
      onBusy: "ON_BUSY_STEER",
      answers: "q",
      requestId: "r",
    });
  });

  it("waits for what is left of the time when an answer is lost, and is the same request", async () => {
    const seen: { requestId: string; wait: EventWait; left: number; deadline: number }[] = [];
    await using server = await serveScript({
      sendEvent({ requestId, wait, waitTimeout }, { timeoutMs }) {
        seen.push({
          ...{ requestId, wait, left: waitTimeout ? durationMs(waitTimeout) : -1 },
          deadline: timeoutMs() ?? 0,
        });
        if (seen.length < 3) throw stopping();
        return { event: { id: "e", state: EventState.PROCESSED }, settledSequence: 9n };
      },
    });
    const { tasks } = createClient({ baseUrl: server.url, retry: { ...quickly, attemptTimeout: 500 } });
    const { event, settledSequence } = await tasks.send("t", "hi", {
      wait: EventWait.PROCESSED,
      waitTimeout: 90_000,
    });
    expect([event.state, settledSequence]).toEqual([EventState.PROCESSED, 9n]);
    expect(new Set(seen.map(({ requestId }) => requestId)).size).toBe(1);
    for (const { wait, left, deadline } of seen) {
      expect(wait).toBe(EventWait.PROCESSED);
      expect(left).toBeGreaterThan(60_000);
      expect(left).toBeLessThanOrEqual(90_000);
      expect(deadline).toBeGreaterThan(left);
    }
    expect(seen[2]?.left).toBeLessThanOrEqual(seen[0]?.left ?? 0);
  });

  it("asks for no more than it is told to wait, where the clock is coarse", async () => {
    // As in a browser, in tenths of a millisecond: the sum of this and 300,000 is rounded.
    vi.stubGlobal("performance", { now: () => 400_000.3 });
    let seen: unknown;
    await using server = await serveScript({
      sendEvent({ waitTimeout }) {
        seen = waitTimeout && durationMs(waitTimeout);
        return { event: { id: "e" } };
      },
    });
    const options = { wait: EventWait.PROCESSED, waitTimeout: 300_000 };
    await clientOf(server.url).tasks.send("t", "hi", options);
    expect(seen).toBe(300_000);
  });

  it("rejects content of another shape before it calls", async () => {
    const content: object = { parts: [{ txt: "hi" }] };
    await expect(clientOf("http://127.0.0.1:1").tasks.send("t", content)).rejects.toMatchObject({
      reason: "REQUEST_MALFORMED",
      code: Code.InvalidArgument,
    });
  });
});

describe("a request", () => {
  it("stays the same while it is tried, whatever becomes of the objects that it was made from", async () => {
    const seen: unknown[] = [];
    const see = (request: unknown) => {
      if (seen.push(request) % 2 === 1) throw stopping();
    };
    await using server = await serveScript({
      createTask({ params, labels }) {
        see({ params, labels });
        return { task: { id: "t" } };
      },
      sendEvent({ metadata }) {
        see({ metadata });
        return { event: { id: "e" } };
      },
      createTaskToken({ permissions }) {
        see({ permissions });
        return { token: "pgh_t" };
      },
      webhooks: {
        createWebhook({ kinds }) {
          see({ kinds });
          return { webhook: { id: "w" } };
        },
      },
    });
    const { tasks, webhooks } = clientOf(server.url);
    const [params, labels, metadata] = [{ list: [1] }, { team: "red" }, { list: [1] }];
    const creating = tasks.create({ agent: "greeter", params, labels });
    params.list[0] = 2;
    labels.team = "blue";
    await creating;
    const sending = tasks.send("t", "hi", { metadata });
    metadata.list[0] = 2;
    await sending;
    const [permissions, kinds] = [[TaskPermission.SEND], [WebhookKind.TASK]];
    const allowing = tasks.createToken("t", { permissions });
    permissions.push(TaskPermission.SUBSCRIBE);
    await allowing;
    const following = webhooks.create({ url: "https://example.com/", taskId: "t", kinds });
    kinds.push(WebhookKind.MESSAGE);
    await following;
    const [created, sent] = [{ params: { list: [1] }, labels: { team: "red" } }, { metadata: { list: [1] } }];
    const [allowed, followed] = [{ permissions: [TaskPermission.SEND] }, { kinds: [WebhookKind.TASK] }];
    expect(seen).toEqual([created, created, sent, sent, allowed, allowed, followed, followed]);
  });

  it("that cannot be encoded is REQUEST_MALFORMED, whatever is wrong with it", async () => {
    const params: { self?: JsonObject } = {};
    params.self = params;
    await expect(
      clientOf("http://127.0.0.1:1").tasks.create({ agent: "greeter", params }),
    ).rejects.toMatchObject({
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

describe("interrupt", () => {
  it("sends the reason, and tells what was interrupted", async () => {
    let seen: unknown;
    await using server = await serveScript({
      interruptTask(request) {
        seen = toJson(InterruptTaskRequestSchema, request);
        return { task: { id: "t" }, interruptedEvents: 2 };
      },
    });
    const { interruptedEvents } = await clientOf(server.url).tasks.interrupt("t", {
      reason: "stop",
      requestId: "r",
    });
    expect(interruptedEvents).toBe(2);
    expect(seen).toEqual({ taskId: "t", reason: "stop", requestId: "r" });
  });
});

describe("redrive", () => {
  it("puts back one event, or all", async () => {
    const seen: unknown[] = [];
    await using server = await serveScript({
      redriveEvent({ taskId, target }) {
        seen.push([taskId, target.case, target.value]);
        return { task: { id: taskId }, redrivenEvents: seen.length };
      },
    });
    const { tasks } = clientOf(server.url);
    expect((await tasks.redrive("t", { eventId: "e" })).redrivenEvents).toBe(1);
    expect((await tasks.redrive("t", { all: true })).redrivenEvents).toBe(2);
    expect(seen).toEqual([
      ["t", "eventId", "e"],
      ["t", "all", true],
    ]);
  });

  it("is made again when it was refused, and not when its answer is lost", async () => {
    let calls = 0;
    await using server = await serveScript({
      redriveEvent() {
        calls += 1;
        if (calls === 1) throw stopping();
        server.cut();
        return {};
      },
    });
    await expect(clientOf(server.url).tasks.redrive("t", { all: true })).rejects.toMatchObject({
      reason: "CONNECTION_LOST",
    });
    expect(calls).toBe(2);
  });
});

describe("webhooks.create", () => {
  it("is made again when it was refused, and not when its answer is lost", async () => {
    let calls = 0;
    const createWebhook = () => {
      calls += 1;
      if (calls === 1) throw stopping();
      server.cut();
      return {};
    };
    await using server = await serveScript({ webhooks: { createWebhook } });
    const { webhooks } = clientOf(server.url);
    await expect(webhooks.create({ url: "https://example.com", agent: "a" })).rejects.toMatchObject({
      reason: "CONNECTION_LOST",
    });
    expect(calls).toBe(2);
  });
});

describe("cancelEvent", () => {
  it("takes an event back, and is made again when its answer is lost", async () => {
    let calls = 0;
    await using server = await serveScript({
      cancelEvent({ taskId, eventId }) {
        calls += 1;
        if (calls === 1) server.cut();
        return { event: { id: eventId, taskId, state: EventState.DROPPED } };
      },
    });
    const { event } = await clientOf(server.url).tasks.cancelEvent("t", "e");
    expect([event.id, event.taskId, event.state, calls]).toEqual(["e", "t", EventState.DROPPED, 2]);
  });
});

describe("delete", () => {
  it("rejects when there is no such task", async () => {
    await using server = await serveScript({
      deleteTask() {
        throw serverError(Code.NotFound, "TASK_NOT_FOUND");
      },
    });
    await expect(clientOf(server.url).tasks.delete("t")).rejects.toMatchObject({ reason: "TASK_NOT_FOUND" });
  });

  it("rejects when there is no such task, and the server did nothing before", async () => {
    let calls = 0;
    await using server = await serveScript({
      deleteTask() {
        calls += 1;
        throw calls === 1 ? stopping() : serverError(Code.NotFound, "TASK_NOT_FOUND");
      },
    });
    await expect(clientOf(server.url).tasks.delete("t")).rejects.toMatchObject({ reason: "TASK_NOT_FOUND" });
    expect(calls).toBe(2);
  });

  it("resolves when the task is gone after an answer was lost", async () => {
    let calls = 0;
    await using server = await serveScript({
      deleteTask() {
        calls += 1;
        if (calls > 1) throw serverError(Code.NotFound, "TASK_NOT_FOUND");
        server.cut();
        return {};
      },
    });
    await clientOf(server.url).tasks.delete("t");
    expect(calls).toBe(2);
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

  it("throw the signal's reason when aborted within a page", async () => {
    await using server = await serveScript({ listTasks: () => ({ tasks: [{ id: "a" }, { id: "b" }] }) });
    const stop = new AbortController();
    const read = async () => {
      for await (const { id } of clientOf(server.url).tasks.list({ signal: stop.signal })) {
        expect(id).toBe("a");
        stop.abort(new Error("enough"));
      }
    };
    await expect(read()).rejects.toThrow("enough");
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
