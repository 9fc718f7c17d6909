import { Code } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { createClient, EventState, PigeonholeError, WebhookKind, WebhookState } from "../src/client/index.ts";
import { type ServeOptions, serve } from "../src/server/index.ts";
import { collect, isEvent, startRig } from "./agents/rig.ts";
import { createDesk } from "./service-agent.ts";
import { startReceiver } from "./webhooks-receiver.ts";

const log = { info: () => {}, warn: () => {}, error: () => {} };

/** A server of the agents `desk` and `other`, whose webhooks may lead to `example.com` alone unless the options say other. */
async function startServer(webhooks: ServeOptions["webhooks"] = {}) {
  const asked: string[] = [];
  const resolve = async (name: string) => {
    asked.push(name);
    if (name === "example.com") return ["8.8.8.8"];
    throw Object.assign(new Error("no such name"), { code: "ENOTFOUND" });
  };
  const agents = [createDesk("desk").agent, createDesk("other").agent];
  const server = await serve({
    agents,
    store: "memory:",
    port: 0,
    drain: 0,
    log,
    webhooks: { resolve, ...webhooks },
  });
  const client = createClient({ baseUrl: server.url, retry: { maxAttempts: 1 } });
  return { ...client, asked, [Symbol.asyncDispose]: () => server.close() };
}

async function failureOf(call: Promise<unknown>): Promise<PigeonholeError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof PigeonholeError)) throw new Error(`no error of the server: ${error}`);
  return error;
}

const url = "https://example.com/hook";
/** For webhooks that have something to post: their name leads to this machine, where nobody listens. */
const here = { allowPrivateAddresses: true, resolve: async () => ["127.0.0.1"] };

describe("CreateWebhook", () => {
  it("makes a webhook of an agent or of a task, with a secret that is told once", async () => {
    await using server = await startServer(here);
    const { webhook, secret } = await server.webhooks.create({ url, agent: "desk" });
    expect(webhook).toMatchObject({
      url,
      source: { case: "agent", value: "desk" },
      kinds: [WebhookKind.TASK, WebhookKind.EVENT, WebhookKind.MESSAGE, WebhookKind.SUPERSEDED],
      state: WebhookState.ACTIVE,
      failures: 0,
      lastError: "",
    });
    expect(Buffer.from(secret.replace(/^whsec_/, ""), "base64")).toHaveLength(32);
    const got = await server.webhooks.get(webhook.id);
    expect(got).toEqual(webhook);
    expect(
      JSON.stringify(got, (_, value) => (typeof value === "bigint" ? String(value) : value)),
    ).not.toContain(secret);

    const { task } = await server.tasks.create({ agent: "desk" });
    await server.webhooks.pause(webhook.id);
    const given = `whsec_${Buffer.alloc(24, 1).toString("base64")}`;
    const kinds = [WebhookKind.MESSAGE, WebhookKind.TASK, WebhookKind.MESSAGE];
    const second = await server.webhooks.create({ url, taskId: task.id, kinds, secret: given });
    expect(second.secret).toBe(given);
    expect(second.webhook).toMatchObject({
      source: { case: "taskId", value: task.id },
      kinds: [WebhookKind.TASK, WebhookKind.MESSAGE],
    });
    await server.webhooks.delete(second.webhook.id);
  });

  it("refuses a URL that the server does not call", async () => {
    await using server = await startServer();
    for (const wrong of ["http://example.com/", "https://127.0.0.1/", "https://nowhere.example/", "x"]) {
      const error = await failureOf(server.webhooks.create({ url: wrong, agent: "desk" }));
      expect([error.reason, error.fields.map(({ field }) => field)]).toEqual(["URL_FORBIDDEN", ["url"]]);
    }
    expect(server.asked).toEqual(["nowhere.example"]);
    expect(await collect(server.webhooks.list())).toEqual([]);
  });

  it("says that it may be tried again when the name cannot be looked up now, and then makes one", async () => {
    const answers = [Object.assign(new Error("no answer"), { code: "EAI_AGAIN" }), ["8.8.8.8"]];
    const resolve = async () => {
      const answer = answers.shift();
      if (Array.isArray(answer)) return answer;
      throw answer;
    };
    await using server = await startServer({ resolve });
    const error = await failureOf(server.webhooks.create({ url, agent: "desk" }));
    expect(error).toMatchObject({ code: Code.Unavailable, reason: "HOST_UNRESOLVED", retryAfter: 1000 });
    expect(await collect(server.webhooks.list())).toEqual([]);
    const { webhook } = await server.webhooks.create({ url, agent: "desk" });
    expect(await collect(server.webhooks.list())).toEqual([webhook]);
  });

  it.each([
    ["no agent", { agent: "nobody" }, "AGENT_NOT_FOUND", []],
    ["no task", { taskId: "nothing" }, "TASK_NOT_FOUND", []],
    ["a kind that is none", { agent: "desk", kinds: [WebhookKind.TASK, 0] }, "FIELD_INVALID", ["kinds[1]"]],
    ["a kind that is not known", { agent: "desk", kinds: [77] }, "FIELD_INVALID", ["kinds[0]"]],
    ["a secret without prefix", { agent: "desk", secret: "x".repeat(40) }, "FIELD_INVALID", ["secret"]],
    [
      "a secret that is too short",
      { agent: "desk", secret: `whsec_${Buffer.alloc(23).toString("base64")}` },
      "FIELD_INVALID",
      ["secret"],
    ],
    [
      "a secret that is too long",
      { agent: "desk", secret: `whsec_${Buffer.alloc(65).toString("base64")}` },
      "FIELD_INVALID",
      ["secret"],
    ],
  ])("refuses %s", async (_, args, reason, fields) => {
    await using server = await startServer();
    const error = await failureOf(server.webhooks.create({ url, ...args } as { url: string; agent: string }));
    expect([error.reason, error.fields.map(({ field }) => field)]).toEqual([reason, fields]);
  });
});

describe("the other methods", () => {
  it("list webhooks in pages, by agent and by task", async () => {
    await using server = await startServer(here);
    const { task } = await server.tasks.create({ agent: "desk" });
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) {
      const { webhook } = await server.webhooks.create({ url, agent: n % 2 === 0 ? "desk" : "other" });
      ids.push(webhook.id);
    }
    const ofTask = await server.webhooks.create({ url, taskId: task.id });
    const list = async (filters = {}) =>
      (await collect(server.webhooks.list({ pageSize: 2, ...filters }))).map(({ id }) => id);
    expect(await list()).toEqual([...ids, ofTask.webhook.id]);
    expect(await list({ agent: "other" })).toEqual([ids[1], ids[3]]);
    expect(await list({ taskId: task.id })).toEqual([ofTask.webhook.id]);
  });

  it("pause, resume and delete a webhook, and find none that is not there", async () => {
    await using server = await startServer();
    const { webhook } = await server.webhooks.create({ url, agent: "other" });
    expect((await server.webhooks.pause(webhook.id)).state).toBe(WebhookState.PAUSED);
    expect((await server.webhooks.pause(webhook.id)).state).toBe(WebhookState.PAUSED);
    expect((await server.webhooks.resume(webhook.id)).state).toBe(WebhookState.ACTIVE);
    await server.webhooks.delete(webhook.id);
    for (const call of [
      server.webhooks.get(webhook.id),
      server.webhooks.pause(webhook.id),
      server.webhooks.resume(webhook.id),
      server.webhooks.delete(webhook.id),
    ]) {
      expect((await failureOf(call)).reason).toBe("WEBHOOK_NOT_FOUND");
    }
  });
});

describe("a served webhook", () => {
  it("tells what an agent does: events, whole messages, what was superseded", async () => {
    const half = "half".padEnd(70_000, ".");
    await using receiver = await startReceiver();
    await using rig = await startRig(
      {
        retry: { initialBackoff: 1 },
        async onTaskEventSend(ctx, event) {
          if (ctx.attempt === 1) {
            // So much that it waits until this is in the log.
            await ctx.messages.send(half);
            throw new TypeError("stumbled");
          }
          const message = ctx.messages.stream();
          await message.write("you said ");
          await message.write(event.text);
        },
      },
      { webhooks: { allowPrivateAddresses: true } },
    );
    const taskId = await rig.create("hello");
    const updates = await rig.until(taskId, isEvent(EventState.PROCESSED));
    await rig.webhooks.create({ url: receiver.url, taskId });
    const told = updates.filter(
      ({ entry }) =>
        entry.case !== "delta" &&
        entry.case !== "heartbeat" &&
        !(entry.case === "message" && entry.value.state === 1),
    );
    await receiver.count(told.length);
    const posted = receiver.received.slice(0, told.length).map(({ json }) => json);
    expect(posted.map(({ data }) => data.sequence)).toEqual(told.map(({ sequence }) => String(sequence)));
    const messages = posted.filter(({ type }) => type === "message.done").map(({ data }) => data.message);
    expect(messages).toMatchObject([
      { taskId, attempt: 1, parts: [{ text: half }], state: "MESSAGE_STATE_DONE" },
      { taskId, attempt: 2, parts: [{ text: "you said hello" }], state: "MESSAGE_STATE_DONE" },
    ]);
    const [superseded] = posted.filter(({ type }) => type === "turn.superseded");
    expect(superseded?.data.superseded).toMatchObject({
      attempt: 1,
      messageIds: [Object(messages[0]).id],
      error: { message: "stumbled" },
    });
    const [event] = posted.filter(({ type }) => type === "event.updated");
    expect(event?.data.event).toMatchObject({ parts: [{ text: "hello" }], state: "EVENT_STATE_QUEUED" });
  });

  it("was allowed when it was made, and is not called once its name leads inside", async () => {
    await using receiver = await startReceiver();
    let address = "8.8.8.8";
    await using server = await startServer({ resolve: async () => [address] });
    const { webhook } = await server.webhooks.create({
      url: `https://rebound.example:${receiver.port}/`,
      agent: "desk",
    });
    address = "127.0.0.1";
    await server.tasks.create({ agent: "desk" });
    let { lastError } = await server.webhooks.get(webhook.id);
    while (lastError === "") ({ lastError } = await server.webhooks.get(webhook.id));
    expect(lastError).toMatch(/^URL_FORBIDDEN: /);
    expect(receiver.received).toEqual([]);
  });
});
