import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EventState, TaskState } from "../src/proto.ts";
import { badRequests, field } from "./bad-input-requests.ts";
import { startBadInputServer } from "./bad-input-server.ts";
import { jsonFormats } from "./bad-input-wire.ts";
import { failureOf } from "./service-failure.ts";
import { clientsOf, sendAndWait, text } from "./service-follow.ts";
import { openAny, protocols } from "./service-protocols.ts";

const { server, tasks, taskId, accept } = await startBadInputServer();

describe.each(jsonFormats)("JSON over $name", ({ send }) => {
  it.each(badRequests(taskId))("%s", async (_, rpc, request, failure) => {
    expect(await send(server, `TaskService/${rpc}`, JSON.stringify(request))).toMatchObject(failure);
  });

  it.each([
    ["half a request", '{"agent": "de'],
    ["nothing", ""],
    ["two requests", "{}{}"],
    ["no JSON", "<agent>desk</agent>"],
    ["invalid UTF-8", Buffer.from('{"agent": "\xff\xfe"}', "latin1")],
    ["a million brackets", "[".repeat(1_000_000)],
    ["a Struct nested 100,000 deep", `{"params": ${'{"a":'.repeat(100_000)}1${"}".repeat(100_001)}`],
  ])("%s", async (_, body) => {
    expect(await send(server, "TaskService/CreateTask", body)).toMatchObject({
      code: "InvalidArgument",
      reason: "REQUEST_MALFORMED",
    });
  });
});

describe.each(protocols)("over $name", ({ open }) => {
  const client = clientsOf(open(server)).tasks;

  it("refuses a request of 5 MB", async () => {
    const call = client.sendEvent({ taskId, parts: [text("x".repeat(5_000_000))] });
    expect(await failureOf(call)).toMatchObject({ code: "ResourceExhausted", reason: "REQUEST_TOO_LARGE" });
  });

  it("refuses parts of 2 MB, and tells the bound", async () => {
    const call = client.sendEvent({
      taskId,
      parts: [text("x".repeat(1_000_000)), text("y".repeat(1_000_000))],
    });
    const description = /^must together have at most 1048576 bytes encoded, have 20000\d\d$/;
    expect(await failureOf(call)).toMatchObject(field("parts", expect.stringMatching(description)));
  });
});

describe("page tokens", () => {
  const garbage = ["x", "é", "AAAA", Buffer.from("[1,2]").toString("base64url"), "W10", "bnVsbA"];
  const invalid = (call: PromiseLike<unknown>) =>
    expect(failureOf(call)).resolves.toMatchObject({
      code: "InvalidArgument",
      reason: "PAGE_TOKEN_INVALID",
      fields: { page_token: expect.stringContaining("must be the next_page_token") },
    });

  it.each(garbage)("%s is none", async (pageToken) => {
    await invalid(tasks.listTasks({ pageToken }));
    await invalid(tasks.listEvents({ taskId, pageToken }));
    await invalid(tasks.listMessages({ taskId, pageToken }));
    await invalid(clientsOf(openAny(server.url)).agents.listAgents({ pageToken }));
  });

  it("one that is too long is refused", async () => {
    const call = tasks.listTasks({ pageToken: "x".repeat(2049) });
    expect(await failureOf(call)).toMatchObject(field("page_token", expect.stringContaining("2048")));
  });

  describe("of a list", () => {
    let token: string;
    let eventToken: string;
    const labels = { mark: "m", other: "o" };
    beforeEach(async () => {
      for (let count = 0; count < 2; count++) {
        await tasks.createTask({ agent: "desk", labels });
        await sendAndWait(tasks, taskId, "echo");
      }
      token = (await tasks.listTasks({ labels, agent: "desk", pageSize: 1 })).nextPageToken;
      eventToken = (await tasks.listEvents({ taskId, pageSize: 1 })).nextPageToken;
      await accept();
    });

    it("are of that list alone, with its filters", async () => {
      expect([token, eventToken]).not.toContain("");
      await invalid(tasks.listTasks({ pageToken: token }));
      await invalid(tasks.listTasks({ pageToken: token, agent: "desk", labels: { mark: "m" } }));
      await invalid(tasks.listTasks({ pageToken: token, agent: "other", labels }));
      await invalid(tasks.listTasks({ pageToken: token, agent: "desk", labels, states: [TaskState.ACTIVE] }));
      await invalid(tasks.listTasks({ pageToken: eventToken }));
      await invalid(tasks.listEvents({ taskId, pageToken: token }));
      await invalid(tasks.listEvents({ taskId: randomUUID(), pageToken: eventToken }));
      await invalid(tasks.listEvents({ taskId, pageToken: eventToken, states: [EventState.PROCESSED] }));
      await invalid(tasks.listMessages({ taskId, pageToken: eventToken }));
    });

    it("hold with another page size, and with the filters in another order", async () => {
      const filters = { agent: "desk", labels: { other: "o", mark: "m" } };
      expect(
        (await tasks.listTasks({ ...filters, pageToken: token, pageSize: 1000 })).tasks.length,
      ).toBeGreaterThan(0);
    });
  });
});

describe("what is odd and none the less allowed", () => {
  afterEach(async () => {
    await accept();
  });

  it("__proto__ and constructor are keys of a Struct like any other", async () => {
    for (const { open, name } of protocols) {
      const client = clientsOf(open(server)).tasks;
      const params = JSON.parse('{"__proto__": {"admin": true}, "constructor": 1, "toString": null}');
      const { task } = await client.createTask({ agent: "desk", params });
      const found = await client.getTask({ key: { case: "taskId", value: task?.id ?? "" } });
      expect(JSON.stringify(found.task?.params, Object.keys({ ...params, admin: 1 })), name).toContain(
        "admin",
      );
      expect("admin" in {}).toBe(false);
    }
  });
});
