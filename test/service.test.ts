import { randomUUID } from "node:crypto";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { afterAll, describe, expect, it } from "vitest";
import { EventState, OnBusy, OnExhausted, TaskState } from "../src/proto.ts";
import { defineAgent, type IncomingWebhook } from "../src/server/index.ts";
import { createDesk } from "./service-agent.ts";
import { failureOf } from "./service-failure.ts";
import { clientsOf, newTask, present, sendAndWait, text, textOf } from "./service-follow.ts";
import { protocols } from "./service-protocols.ts";
import { startServer } from "./service-server.ts";

const webhook: IncomingWebhook = { verify: () => ({}), route: () => undefined };
const server = await startServer();
afterAll(async () => {
  await server.close();
  expect(server.defects).toEqual([]);
});

describe.each(protocols)("tasks and agents over $name", ({ open }) => {
  const { tasks, agents } = clientsOf(open(server));

  describe("CreateTask", () => {
    it("makes a task", async () => {
      const name = randomUUID();
      const before = Date.now();
      const { task, created, duplicate, event } = await tasks.createTask({
        agent: "desk",
        name,
        params: { topic: "tea", cups: [1, 2.5], deep: { er: null } },
        labels: { team: "blue", "a.b/c_d-e": "" },
      });
      expect({ created, duplicate, event }).toEqual({ created: true, duplicate: false, event: undefined });
      expect(task).toMatchObject({
        name,
        agent: "desk",
        state: TaskState.ACTIVE,
        params: { topic: "tea", cups: [1, 2.5], deep: { er: null } },
        labels: { team: "blue", "a.b/c_d-e": "" },
        sequence: 1n,
      });
      expect(task?.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(timestampMs(present(task?.createTime))).toBeGreaterThanOrEqual(before);
      expect(task?.endTime).toBeUndefined();
    });

    it("accepts a first event with the task", async () => {
      const { task, event } = await tasks.createTask({
        agent: "desk",
        event: { parts: [text("hello")], type: "greet", sender: "ada", metadata: { n: 1 } },
      });
      expect(event).toMatchObject({
        taskId: task?.id,
        sequence: 2n,
        type: "greet",
        sender: "ada",
        metadata: { n: 1 },
        state: EventState.QUEUED,
      });
      expect(textOf(event?.parts ?? [])).toBe("hello");
      expect(task).toMatchObject({ pendingEvents: 1, sequence: 2n });
    });

    it("gives the unfinished task of a name, and puts the event into its mailbox", async () => {
      const name = randomUUID();
      const first = await tasks.createTask({ agent: "desk", name, labels: { n: "1" } });
      const second = await tasks.createTask({
        agent: "desk",
        name,
        labels: { n: "2" },
        event: { parts: [text("again")] },
      });
      expect(second.created).toBe(false);
      expect(second.task).toMatchObject({ id: first.task?.id, labels: { n: "1" } });
      expect(second.event?.taskId).toBe(first.task?.id);
    });

    it("makes a new task of a name whose task has ended", async () => {
      const name = randomUUID();
      const first = present((await tasks.createTask({ agent: "desk", name })).task);
      await sendAndWait(tasks, first.id, "finish");
      const second = await tasks.createTask({ agent: "desk", name });
      expect(second.created).toBe(true);
      expect(second.task?.id).not.toBe(first.id);
    });

    it("answers a repeated request the same, as a duplicate", async () => {
      const request = {
        agent: "desk",
        requestId: randomUUID(),
        params: { a: 1, b: 2 },
        event: { parts: [text("once")] },
      };
      const first = await tasks.createTask(request);
      const second = await tasks.createTask(request);
      expect(second).toEqual({ ...first, duplicate: true });
    });

    it("refuses a request id with other content", async () => {
      const requestId = randomUUID();
      await tasks.createTask({ agent: "desk", requestId });
      expect(await failureOf(tasks.createTask({ agent: "other", requestId }))).toMatchObject({
        code: "AlreadyExists",
        reason: "REQUEST_ID_REUSED",
        resource: `request ${requestId}`,
      });
    });

    it("refuses an agent that it does not have", async () => {
      expect(await failureOf(tasks.createTask({ agent: "nobody" }))).toMatchObject({
        code: "NotFound",
        reason: "AGENT_NOT_FOUND",
        resource: "agent nobody",
      });
    });

    it("refuses a parent that is not there", async () => {
      const parentTaskId = randomUUID();
      expect(await failureOf(tasks.createTask({ agent: "desk", parentTaskId }))).toMatchObject({
        code: "NotFound",
        reason: "TASK_NOT_FOUND",
        resource: `task ${parentTaskId}`,
      });
    });

    it("refuses a name that another agent's task has", async () => {
      const name = randomUUID();
      await tasks.createTask({ agent: "desk", name });
      expect(await failureOf(tasks.createTask({ agent: "other", name }))).toMatchObject({
        code: "AlreadyExists",
        reason: "TASK_NAME_TAKEN",
        resource: `task ${name}`,
      });
    });

    it("refuses what is out of its bounds, and names each field", async () => {
      const call = tasks.createTask({ agent: "", name: "n".repeat(257), labels: { "-": "v" } });
      expect(await failureOf(call)).toMatchObject({
        code: "InvalidArgument",
        reason: "FIELD_INVALID",
        fields: {
          agent: "must not be empty",
          name: "must have at most 256 characters, has 257",
          'labels["-"]': expect.stringContaining("the key must match"),
        },
      });
    });
  });

  describe("GetTask", () => {
    it("finds a task by id and by name", async () => {
      const name = randomUUID();
      const task = present((await tasks.createTask({ agent: "desk", name })).task);
      const byId = await tasks.getTask({ key: { case: "taskId", value: task.id } });
      const byName = await tasks.getTask({ key: { case: "name", value: name } });
      expect(byId.task).toMatchObject({ id: task.id, name, agent: "desk" });
      expect(byName.task?.id).toBe(task.id);
    });

    it.each(["taskId", "name"] as const)("refuses a %s that is not there", async (key) => {
      const value = randomUUID();
      expect(await failureOf(tasks.getTask({ key: { case: key, value } }))).toMatchObject({
        code: "NotFound",
        reason: "TASK_NOT_FOUND",
        resource: `task ${value}`,
      });
    });

    it("refuses to get nothing", async () => {
      expect(await failureOf(tasks.getTask({}))).toMatchObject({
        reason: "FIELD_INVALID",
        fields: { key: "exactly one of task_id, name must be set" },
      });
    });
  });

  describe("ListTasks", () => {
    it("lists by agent, state, label, name prefix and parent, newest first", async () => {
      const mark = randomUUID();
      const make = async (agent: string, name: string, labels = {}, parentTaskId = "") =>
        present(
          (
            await tasks.createTask({
              agent,
              name: `${mark} ${name}`,
              labels: { mark, ...labels },
              parentTaskId,
            })
          ).task,
        ).id;
      const a = await make("desk", "a", { colour: "red" });
      const b = await make("other", "b", { colour: "red" });
      const c = await make("desk", "bc", {}, a);
      await sendAndWait(tasks, c, "finish");
      const list = async (filters: Parameters<typeof tasks.listTasks>[0]) =>
        (await tasks.listTasks({ ...filters, labels: { mark, ...filters.labels } })).tasks.map(
          ({ id }) => id,
        );
      expect(await list({})).toEqual([c, b, a]);
      expect(await list({ agent: "desk" })).toEqual([c, a]);
      expect(await list({ states: [TaskState.COMPLETED, TaskState.FAILED] })).toEqual([c]);
      expect(await list({ labels: { colour: "red" } })).toEqual([b, a]);
      expect(await list({ namePrefix: `${mark} b` })).toEqual([c, b]);
      expect(await list({ namePrefix: `${mark} %` })).toEqual([]);
      expect(await list({ parentTaskId: a })).toEqual([c]);
      expect(await list({ agent: "other", parentTaskId: a })).toEqual([]);
    });

    it("pages without leaving out or repeating any, whatever is created meanwhile", async () => {
      const labels = { mark: randomUUID() };
      const make = async () => present((await tasks.createTask({ agent: "desk", labels })).task).id;
      const made: string[] = [];
      for (let count = 0; count < 5; count++) made.unshift(await make());
      const listed: string[] = [];
      let pageToken = "";
      do {
        const page = await tasks.listTasks({ labels, pageSize: 2, pageToken });
        listed.push(...page.tasks.map(({ id }) => id));
        pageToken = page.nextPageToken;
        await make();
      } while (pageToken !== "");
      expect(listed).toEqual(made);
    });

    it.each([-1, 1001])("refuses a page size of %d", async (pageSize) => {
      expect(await failureOf(tasks.listTasks({ pageSize }))).toMatchObject({
        reason: "FIELD_INVALID",
        fields: { page_size: expect.stringMatching(/^must be at (least 0|most 1000), is -?\d+$/) },
      });
    });
  });

  describe("AgentService", () => {
    it("lists the agents by name, in pages", async () => {
      expect((await agents.listAgents({})).agents.map(({ name }) => name)).toEqual(["desk", "other"]);
      const first = await agents.listAgents({ pageSize: 1 });
      const second = await agents.listAgents({ pageSize: 1, pageToken: first.nextPageToken });
      const pages = [first, second].map((page) => page.agents.map(({ name }) => name));
      expect(pages).toEqual([["desk"], ["other"]]);
      expect(second.nextPageToken).toBe("");
    });

    it("describes an agent, and counts its tasks and what waits for them", async () => {
      const count = async () => {
        const { agent } = await agents.getAgent({ agent: "desk" });
        return [agent?.unfinishedTasks ?? 0n, agent?.pendingEvents ?? 0n] as const;
      };
      const taskId = await newTask(tasks);
      await sendAndWait(tasks, taskId, "echo");
      const { agent } = await agents.getAgent({ agent: "desk" });
      expect(agent).toMatchObject({
        description: "Does what it is told.",
        mailbox: { maxPending: 3, parallel: 1 },
        retry: {
          maxAttempts: 2,
          initialBackoff: { nanos: 1_000_000 },
          maxBackoff: { nanos: 2_000_000 },
          onExhausted: OnExhausted.DEAD_LETTER,
        },
        cancelGrace: { seconds: 1n },
        onBusy: OnBusy.QUEUE,
        webhooks: [],
        schedules: [],
      });
      const { turnTimeout, retention } = present(agent);
      expect([turnTimeout, retention, agent?.mailbox?.batch]).toEqual([undefined, undefined, undefined]);
      const [unfinished] = await count();
      await sendAndWait(tasks, taskId, "finish");
      expect((await count())[0]).toBe(unfinished - 1n);
    });

    it("describes the rules that an agent makes", async () => {
      const { description: _, onTaskEventSend: __, ...rest } = createDesk().agent;
      const ruler = defineAgent({
        ...rest,
        name: "ruler",
        mailbox: { parallel: 4, batch: { max: 20, wait: 1500 } },
        onTaskEventBatch: () => {},
        onBusy: "steer",
        retry: { onExhausted: "pause" },
        turnTimeout: 60_000,
        retention: 86_400_000,
        webhooks: { slack: webhook, github: webhook },
        schedules: { nightly: { cron: "0 3 * * *" } },
      });
      await using other = await startServer({ agents: [ruler] });
      const { agent } = await clientsOf(open(other)).agents.getAgent({ agent: "ruler" });
      expect(agent).toMatchObject({
        mailbox: { maxPending: 10_000, parallel: 4, batch: { max: 20, wait: { seconds: 1n, nanos: 5e8 } } },
        onBusy: OnBusy.STEER,
        retry: { onExhausted: OnExhausted.PAUSE },
        turnTimeout: { seconds: 60n },
        retention: { seconds: 86_400n },
        webhooks: ["github", "slack"],
        schedules: ["nightly"],
      });
    });

    it("refuses an agent that it does not have", async () => {
      expect(await failureOf(agents.getAgent({ agent: "nobody" }))).toMatchObject({
        code: "NotFound",
        reason: "AGENT_NOT_FOUND",
        resource: "agent nobody",
      });
    });
  });
});
