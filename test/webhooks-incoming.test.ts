import { toJson } from "@bufbuild/protobuf";
import { describe, expect, it, onTestFinished } from "vitest";
import { EventSchema } from "../src/proto.ts";
import { defineAgent, slackSignature, systemClock } from "../src/server/index.ts";
import { createIncomingWebhooks } from "../src/server/webhooks/incoming/index.ts";
import { collect } from "./agents/rig.ts";
import { send, startRig } from "./http-rig.ts";
import { expectNoInnards } from "./service-failure.ts";
import { openStore } from "./temp-dir.ts";
import {
  clockAt,
  delivery,
  httpVersions,
  neverRoute,
  startWebhooks,
  toTask,
} from "./webhooks-incoming-rig.ts";
import { githubHeaders, slackHeaders, slackSecret, standardHeaders } from "./webhooks-signed.ts";

describe.each(httpVersions)("a webhook over HTTP/%i", (httpVersion) => {
  it("puts the event into the mailbox of the task that the route names, and then answers 202", async () => {
    await using rig = await startWebhooks();
    const target = {
      ...toTask("pr-1", [{ text: "hello" }, { data: { a: 1 } }]),
      type: "opened",
      sender: "ada",
      metadata: { m: 1 },
      params: { p: [1] },
      labels: { team: "blue" },
    };
    const answer = await rig.post("open", { httpVersion, body: JSON.stringify({ target }) });
    expect([answer.status, answer.headers.get("content-type")]).toEqual([202, "application/json"]);
    const task = await rig.tasks.get({ name: "pr-1" });
    expect(answer.json).toEqual({ taskId: task.id, eventId: expect.any(String), duplicate: false });
    expect(task).toMatchObject({ agent: "inbox", params: { p: [1] }, labels: { team: "blue" } });
    const events = await collect(rig.tasks.events(task.id));
    expect(events.map((event) => toJson(EventSchema, event))).toMatchObject([
      {
        id: answer.json.eventId,
        type: "opened",
        sender: "ada",
        metadata: { m: 1 },
        parts: [{ text: "hello" }, { data: { a: 1 } }],
      },
    ]);

    const again = await rig.post("open", { httpVersion, body: JSON.stringify({ target }) });
    expect(again.json).toMatchObject({ taskId: task.id, duplicate: false });
    expect(again.json.eventId).not.toBe(answer.json.eventId);
  });

  it("makes a task for each request when the route names none", async () => {
    await using rig = await startWebhooks();
    const body = JSON.stringify({ target: { content: "x" } });
    const first = await rig.post("open", { httpVersion, body });
    const second = await rig.post("open", { httpVersion, body });
    expect(first.json.taskId).not.toBe(second.json.taskId);
  });

  it("takes what GitHub signs, and answers 401 to everything else", async () => {
    await using rig = await startWebhooks();
    const body = Buffer.from([0x7b, 0x22, 0xc3, 0xa4, 0x22, 0x3a, 0x20, 0x31, 0x7d]);
    const headers = githubHeaders(body, "d1");
    expect((await rig.post("github", { httpVersion, headers, body })).status).toBe(202);
    const { "x-hub-signature-256": signature = "", ...unsigned } = headers;
    for (const [given, what] of [
      [unsigned, /no header x-hub-signature-256/],
      [{ ...unsigned, "x-hub-signature-256": "" }, /no header/],
      [{ ...unsigned, "x-hub-signature-256": signature.slice(7) }, /sha256=/],
      [{ ...unsigned, "x-hub-signature-256": signature.replace(/.$/, "g") }, /not that of this request/],
      [{ ...unsigned, "x-hub-signature-256": "sha256=" }, /not that of this request/],
      [githubHeaders("other", "d2"), /not that of this request/],
    ] as const) {
      const answer = await rig.post("github", { httpVersion, headers: given, body });
      expect(answer.status).toBe(401);
      expect(answer.json.error).toEqual({
        reason: "SIGNATURE_INVALID",
        message: expect.stringMatching(what),
      });
      expect(answer.body.toString()).not.toContain(signature.slice(7));
    }
    expect(await rig.events()).toEqual({ github: ['{"ä": 1}'] });
    expect(rig.defects).toEqual([]);
  });

  it("answers 401 to a signature that is too old, by the server's clock, or from the future", async () => {
    const now = 1_700_000_000_000;
    await using rig = await startWebhooks({}, { clock: clockAt(now) });
    const statuses = [];
    for (const age of [0, 299, 300, 301, -300, -301]) {
      const headers = standardHeaders("hi", `m${age}`, String(now / 1000 - age));
      statuses.push((await rig.post("standard", { httpVersion, headers, body: "hi" })).status);
    }
    expect(statuses).toEqual([202, 202, 202, 401, 202, 401]);
  });

  it("answers Slack's question for the URL without routing it", async () => {
    const verify = slackSignature({ signingSecret: slackSecret });
    await using rig = await startWebhooks({ webhooks: { slack: { verify, route: neverRoute } } });
    const body = JSON.stringify({
      type: "url_verification",
      token: "t",
      challenge: "3eZbrw1aBm2rZgRNFdxV2595",
    });
    const headers = slackHeaders(body, String(Math.floor(Date.now() / 1000)));
    const answer = await rig.post("slack", { httpVersion, headers, body });
    expect([answer.status, answer.headers.get("content-type"), answer.body.toString()]).toEqual([
      200,
      "text/plain; charset=utf-8",
      "3eZbrw1aBm2rZgRNFdxV2595",
    ]);
    expect(await rig.post("slack", { httpVersion, body })).toMatchObject({ status: 401 });
  });

  it("answers 204 when the route finds nothing", async () => {
    await using rig = await startWebhooks();
    const answer = await rig.post("open", { httpVersion, ...delivery("d", { nothing: true }) });
    expect([answer.status, answer.body.length]).toEqual([204, 0]);
    expect(await rig.events()).toEqual({});
  });

  it("is for no browser: no page may call it, whatever the origins that may call the rest", async () => {
    await using rig = await startWebhooks({}, { corsOrigins: ["*"] });
    const headers = { origin: "https://example.com", "access-control-request-method": "POST" };
    for (const method of ["OPTIONS", "POST"]) {
      const body = method === "POST" ? JSON.stringify({ nothing: true }) : "";
      const answer = await rig.post("open", { httpVersion, method, headers, body });
      expect(answer.status).toBe(method === "POST" ? 204 : 405);
      expect([...answer.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
    }
  });

  it("answers 429 when the mailbox is full, and says when to try again", async () => {
    const entered = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    const onTaskEventSend = () => {
      entered.resolve();
      return released.promise;
    };
    await using rig = await startWebhooks({ mailbox: { maxPending: 1 }, onTaskEventSend });
    onTestFinished(() => released.resolve());
    const post = (id: string) =>
      rig.post("open", { httpVersion, ...delivery(id, { target: toTask("t", id) }) });
    expect((await post("d1")).status).toBe(202);
    await entered.promise;
    expect((await post("d2")).status).toBe(202);
    const full = await post("d3");
    expect(full).toMatchObject({ status: 429, json: { error: { reason: "MAILBOX_FULL" } } });
    expect(full.headers.get("retry-after")).toBe("1");
    // What is in there already is no more.
    expect(await post("d2")).toMatchObject({ status: 200, json: { duplicate: true } });
    released.resolve();
  });

  it("answers 503 when the store is not available, and says when to try again", async () => {
    const store = await openStore(":memory:");
    await store.close();
    const agent = defineAgent({
      name: "inbox",
      onTaskEventSend: () => {},
      webhooks: { open: { verify: () => ({}), route: () => ({ content: "x" }) } },
    });
    await using rig = await startRig({
      webhooks: createIncomingWebhooks({
        agents: new Map([["inbox", agent]]),
        mailbox: { createTask: () => store.createTask({ taskId: "t", agent: "inbox", labels: {}, now: 1 }) },
        clock: systemClock,
        report: () => {},
        stopping: new AbortController().signal,
      }),
    });
    const answer = await send(rig.address, { httpVersion, path: "/webhooks/inbox/open" });
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, expect.stringMatching(/^\d+$/)]);
    expect(JSON.parse(answer.body.toString())).toMatchObject({ error: { reason: "STORE_UNAVAILABLE" } });
    expectNoInnards(answer.body.toString());
  });

  it("answers 409 when an unfinished task of another agent has the name", async () => {
    const other = defineAgent({ name: "other", onTaskEventSend: () => {} });
    await using rig = await startWebhooks({}, { agents: [other] });
    await rig.tasks.create({ agent: "other", name: "taken" });
    const answer = await rig.post("open", {
      httpVersion,
      ...delivery("d", { target: toTask("taken", "x") }),
    });
    expect(answer).toMatchObject({ status: 409, json: { error: { reason: "TASK_NAME_TAKEN" } } });
  });

  it("answers 409 while the task is being cancelled, and then makes another of its name", async () => {
    const entered = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    const onTaskEventSend = () => {
      entered.resolve();
      return released.promise;
    };
    await using rig = await startWebhooks({ onTaskEventSend });
    onTestFinished(() => released.resolve());
    const post = () => rig.post("open", { httpVersion, ...delivery("", { target: toTask("t", "x") }) });
    const first = await post();
    await entered.promise;
    const { id } = await rig.tasks.get({ name: "t" });
    await rig.tasks.cancel(id);
    expect(await post()).toMatchObject({ status: 409, json: { error: { reason: "TASK_FINISHED" } } });
    released.resolve();
    await collect(rig.tasks.subscribe(id));
    const second = await post();
    expect([first.status, second.status]).toEqual([202, 202]);
    expect(second.json.taskId).not.toBe(id);
  });
});
