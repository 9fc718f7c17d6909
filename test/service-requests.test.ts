import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { createConnectTransport } from "@connectrpc/connect-web";
import { afterAll, describe, expect, it } from "vitest";
import { systemClock } from "../src/server/index.ts";
import { createDesk } from "./service-agent.ts";
import { failureOf } from "./service-failure.ts";
import { clientsOf, newTask, present, readAll, text } from "./service-follow.ts";
import { openAny, protocols } from "./service-protocols.ts";
import { startServer } from "./service-server.ts";
import { tempDir } from "./temp-dir.ts";

const server = await startServer();
afterAll(() => server.close());
const clients = protocols.map(({ name, open }) => ({ name, ...clientsOf(open(server)).tasks }));
const { tasks: first } = clientsOf(openAny(server.url));

describe("a request that is repeated over another protocol is one request", () => {
  it("CreateTask", async () => {
    const request = {
      agent: "desk",
      params: { b: [1, { c: null }], a: "ü" },
      labels: { y: "1", x: "2" },
      requestId: randomUUID(),
      event: { parts: [text("once")], metadata: { n: 1.5 } },
    };
    const answer = await first.createTask(request);
    for (const other of clients) {
      const again = { ...request, labels: { x: "2", y: "1" }, params: { a: "ü", b: [1, { c: null }] } };
      expect(await other.createTask(again), other.name).toEqual({ ...answer, duplicate: true });
    }
  });

  it("SendEvent and CancelTask", async () => {
    const taskId = await newTask(first);
    const event = { taskId, parts: [text("once")], requestId: randomUUID() };
    const cancel = { taskId, reason: "enough", requestId: randomUUID() };
    const [sent, cancelled] = [await first.sendEvent(event), await first.cancelTask(cancel)];
    for (const other of clients) {
      expect(await other.sendEvent(event), other.name).toEqual({ ...sent, duplicate: true });
      expect(await other.cancelTask(cancel), other.name).toEqual({ ...cancelled, duplicate: true });
    }
  });

  it("however many come at once", async () => {
    const taskId = await newTask(first);
    const event = { taskId, parts: [text("once")], requestId: randomUUID() };
    const answers = await Promise.all(clients.map((client) => client.sendEvent(event)));
    expect(answers.filter(({ duplicate }) => !duplicate)).toHaveLength(1);
    expect(new Set(answers.map((answer) => answer.event?.id)).size).toBe(1);
    expect((await first.listEvents({ taskId })).events).toHaveLength(1);
  });
});

it("a request that made a task is still one request when its agent is not served any more", async () => {
  const store = `sqlite:${join(tempDir(), "mail.db")}`;
  const request = { agent: "desk", requestId: randomUUID(), event: { parts: [text("once")] } };
  const before = await startServer({ store });
  const made = await clientsOf(openAny(before.url)).tasks.createTask(request).finally(before.close);

  await using server = await startServer({ store, agents: [createDesk("other").agent] });
  const { tasks } = clientsOf(openAny(server.url));
  expect(await tasks.createTask(request)).toEqual({ ...made, duplicate: true });
  for (const requestId of [randomUUID(), ""]) {
    expect(await failureOf(tasks.createTask({ ...request, requestId }))).toMatchObject({
      code: "NotFound",
      reason: "AGENT_NOT_FOUND",
      resource: "agent desk",
    });
  }
});

it("a request that made or triggered a schedule is still one request when its agent is not served any more", async () => {
  const store = `sqlite:${join(tempDir(), "mail.db")}`;
  const request = {
    name: "yearly",
    agent: "desk",
    spec: { cron: "0 0 1 1 *" },
    action: { event: { parts: [text("once")] } },
    requestId: randomUUID(),
  };
  const trigger = { name: "yearly", requestId: randomUUID() };
  const before = await startServer({ store });
  const there = clientsOf(openAny(before.url)).schedules;
  await there.createSchedule(request);
  const triggered = await there.triggerSchedule(trigger);
  await before.close();

  await using server = await startServer({ store, agents: [createDesk("other").agent] });
  const { schedules } = clientsOf(openAny(server.url));
  expect((await schedules.createSchedule(request)).schedule).toEqual(triggered.schedule);
  expect(await schedules.triggerSchedule(trigger)).toEqual({ ...triggered, duplicate: true });
  for (const requestId of [randomUUID(), ""]) {
    for (const call of [
      schedules.createSchedule({ ...request, name: "another", requestId }),
      schedules.triggerSchedule({ ...trigger, requestId }),
    ])
      expect(await failureOf(call)).toMatchObject({ code: "NotFound", reason: "AGENT_NOT_FOUND" });
  }
});

it("a log is the same over every protocol", async () => {
  const taskId = await newTask(first);
  await first.sendEvent({ taskId, type: "stumble", parts: [text("tea")] });
  await first.sendEvent({ taskId, type: "finish", parts: [text("x")] });
  await readAll(first.subscribeTask({ taskId }));
  const known = await readAll(first.subscribeTask({ taskId }));
  const logs = await Promise.all(clients.map((client) => readAll(client.subscribeTask({ taskId }))));
  for (const [index, log] of logs.entries()) expect(log, clients[index]?.name).toEqual(known);
});

describe("a call without side effects may be a GET", () => {
  it.each([false, true])("over Connect, binary: %s", async (useBinaryFormat) => {
    const methods: string[] = [];
    const transport = createConnectTransport({
      baseUrl: server.url,
      useBinaryFormat,
      useHttpGet: true,
      fetch(input, init) {
        const { pathname } = new URL(String(input));
        methods.push(`${init?.method} ${pathname.split("/").at(-1)}`);
        return fetch(input, init);
      },
    });
    const { tasks, agents } = clientsOf(transport);
    const taskId = present((await tasks.createTask({ agent: "desk" })).task).id;
    await tasks.getTask({ key: { case: "taskId", value: taskId } });
    await tasks.listTasks({ labels: { a: "ü" } });
    await tasks.listEvents({ taskId });
    await tasks.listMessages({ taskId });
    await tasks.getTaskState({ taskId });
    await tasks.listTaskStates({ taskId });
    await agents.listAgents({});
    await agents.getAgent({ agent: "desk" });
    expect(methods).toEqual([
      "POST CreateTask",
      "GET GetTask",
      "GET ListTasks",
      "GET ListEvents",
      "GET ListMessages",
      "GET GetTaskState",
      "GET ListTaskStates",
      "GET ListAgents",
      "GET GetAgent",
    ]);
  });

  it("by a URL that a person may write", async () => {
    const message = encodeURIComponent(JSON.stringify({ agent: "desk" }));
    const url = `${server.url}/pigeonhole.v1.AgentService/GetAgent?encoding=json&message=${message}`;
    const response = await fetch(url);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ agent: { name: "desk", cancelGrace: "1s" } });
  });
});

it("a page of tasks ends at about 2 MiB, before a client of gRPC would refuse it", async () => {
  const labels = { mark: randomUUID() };
  const params = { notes: "x".repeat(250_000) };
  for (let count = 0; count < 12; count++) await first.createTask({ agent: "desk", labels, params });
  const page = await first.listTasks({ labels, pageSize: 1000 });
  expect(page.tasks).toHaveLength(9);
  const rest = await first.listTasks({ labels, pageSize: 1000, pageToken: page.nextPageToken });
  expect([rest.tasks.length, rest.nextPageToken]).toEqual([3, ""]);
});

it("ids sort in the order in which they are made, however many in a millisecond", () => {
  const ids = Array.from({ length: 50_000 }, () => systemClock.id());
  expect(ids.toSorted()).toEqual(ids);
  expect(new Set(ids).size).toBe(ids.length);
});
