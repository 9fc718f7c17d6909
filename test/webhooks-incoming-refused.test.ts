import { afterAll, afterEach, describe, expect, it } from "vitest";
import { toConnectError } from "../src/server/connect-error.ts";
import { defineAgent, TaskError } from "../src/server/index.ts";
import { refusal } from "../src/server/webhooks/incoming/webhook-response.ts";
import { expectNoInnards } from "./service-failure.ts";
import { httpVersions, neverRoute, type Script, startWebhooks, toTask } from "./webhooks-incoming-rig.ts";

/** What verifiers in plain JavaScript may do that have not said yes. */
const oddVerifiers: Record<string, () => unknown> = {
  throws: () => {
    throw new Error("select * from secrets");
  },
  rejects: () => Promise.reject(new TypeError("select * from secrets")),
  "is-false": () => false,
  "is-nothing": () => undefined,
  "is-null": () => Promise.resolve(null),
};

const rig = await startWebhooks({
  webhooks: {
    slow: {
      verify: async () => {
        throw new TaskError("SIGNATURE_INVALID", "no");
      },
      route: neverRoute,
    },
    ...Object.fromEntries(
      Object.entries(oddVerifiers).map(([name, verify]) => {
        const webhook = { verify: () => ({}), route: neverRoute };
        return [name, Object.assign(webhook, { verify })];
      }),
    ),
  },
});
afterAll(() => rig.close());
afterEach(async () => {
  expect(await rig.events()).toEqual({});
  expect(rig.defects).toEqual([]);
});

describe.each(httpVersions)("a request that is not taken, over HTTP/%i", (httpVersion) => {
  it.each([
    ["/webhooks/inbox/none", "WEBHOOK_NOT_FOUND"],
    ["/webhooks/none/open", "AGENT_NOT_FOUND"],
    ["/webhooks/inbox/constructor", "WEBHOOK_NOT_FOUND"],
    ["/webhooks/inbox", "WEBHOOK_NOT_FOUND"],
    ["/webhooks/inbox/open/", "WEBHOOK_NOT_FOUND"],
    ["/webhooks/inbox/OPEN", "WEBHOOK_NOT_FOUND"],
    ["/webhooks/inbox/%6fpen", "WEBHOOK_NOT_FOUND"],
    ["/webhooks/", "WEBHOOK_NOT_FOUND"],
    ["/webhooks//", "WEBHOOK_NOT_FOUND"],
  ])("answers 404 at %s", async (path, reason) => {
    for (const method of ["POST", "GET"]) {
      const answer = await rig.post(path, { httpVersion, method });
      expect(answer).toMatchObject({ status: 404, json: { error: { reason, message: expect.any(String) } } });
    }
  });

  it.each(["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])("answers 405 to %s", async (method) => {
    const answer = await rig.post("open", { httpVersion, method });
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, "POST"]);
  });

  it.each<[string, Script | object]>([
    ["a route that refuses it", { throws: "VALUE_INVALID", message: "not for us" }],
    ["content that is none", { target: { content: [] } }],
    ["content that is absent", { target: {} }],
    ["a part that is none", { target: { content: { image: "x" } } }],
    ["a target that is none", { target: "pr-1" }],
    ["a target that is null", { target: null }],
    ["a name that is too long", { target: toTask("x".repeat(257), "x") }],
    ["a name that is a number", { target: { task: 7, content: "x" } }],
    ["a type that is the server's", { target: { content: "x", type: "pigeonhole.task.ended" } }],
    ["a type that is a list", { target: { content: "x", type: [] } }],
    ["a label that is none", { target: { content: "x", labels: { "not a key": "v" } } }],
    ["a label that is a number", { target: { content: "x", labels: { k: 1 } } }],
    ["params that are no object", { target: { content: "x", params: [1] } }],
    ["metadata nested too deep", { target: { content: "x", metadata: nested(31) } }],
    ["content that is too large", { target: toTask("large", "x".repeat(1_048_577)) }],
  ])("answers 400 to %s", async (_, script) => {
    const answer = await rig.post("open", { httpVersion, body: JSON.stringify(script) });
    expect(answer).toMatchObject({
      status: 400,
      json: { error: { reason: "VALUE_INVALID", message: expect.stringMatching(/./) } },
    });
    expectNoInnards(answer.body.toString());
  });

  it.each([
    ["nothing", ""],
    ["a form", "payload=%7B%7D"],
    ["JSON that is cut off", '{"target":'],
    ["bytes that are not UTF-8", Buffer.from([0x22, 0xff, 0x22])],
  ])("answers 400 to %s where the route wants JSON", async (_, body) => {
    expect(await rig.post("open", { httpVersion, body })).toMatchObject({
      status: 400,
      json: { error: { reason: "REQUEST_MALFORMED", message: "the body is not JSON" } },
    });
  });

  it.each<[string, Script]>([
    ["an error", { throws: "Error", message: "select * from secrets" }],
    ["a reason of another's", { throws: "TASK_NOT_FOUND", message: "select * from secrets" }],
    ["SIGNATURE_INVALID", { throws: "SIGNATURE_INVALID", message: "select * from secrets" }],
  ])("answers 500 to a route that throws %s, and tells the log alone", async (_, script) => {
    const answer = await rig.post("open", { httpVersion, body: JSON.stringify(script) });
    expect(answer.status).toBe(500);
    const [defect, ...others] = rig.defects.splice(0);
    expect(answer.json).toEqual({
      error: { reason: "INTERNAL", message: "internal error", errorId: defect?.fields.errorId },
    });
    expect(answer.json.error?.errorId).toMatch(/^[0-9a-f-]{36}$/);
    expect(defect?.fields.error).toMatchObject({
      message: "route of webhook inbox/open threw",
      cause: { name: expect.any(String), stack: expect.stringContaining("webhooks-incoming-rig.ts") },
    });
    expect(others).toEqual([]);
  });

  it.each(Object.keys(oddVerifiers))("answers 500 to a verify that %s", async (hook) => {
    const answer = await rig.post(hook, { httpVersion });
    expect(answer).toMatchObject({ status: 500, json: { error: { reason: "INTERNAL" } } });
    expectNoInnards(answer.body.toString());
    expect(rig.defects.splice(0)).toHaveLength(1);
  });

  it("answers 401 to a verify that says no in its own time", async () => {
    expect(await rig.post("slow", { httpVersion })).toMatchObject({
      status: 401,
      json: { error: { reason: "SIGNATURE_INVALID", message: "no" } },
    });
  });
});

describe("a refusal", () => {
  it.each<[TaskError["reason"], number | undefined, number, string | null]>([
    ["MAILBOX_FULL", 1000, 429, "1"],
    ["OVERLOADED", 1001, 429, "2"],
    ["STORE_UNAVAILABLE", undefined, 503, "1"],
    ["SERVER_STOPPING", 1, 503, "1"],
    ["DEADLINE_EXCEEDED", undefined, 408, null],
    ["TASK_BUSY", undefined, 409, null],
    ["TASK_FINISHED", undefined, 409, null],
    ["REQUEST_ID_REUSED", undefined, 409, null],
    ["FIELD_INVALID", undefined, 400, null],
  ])("for %s, to be tried again after %s ms, is a %i", (reason, retryAfter, status, header) => {
    const error = new TaskError(reason, "no", retryAfter === undefined ? {} : { retryAfter });
    const answer = refusal(
      toConnectError(
        error,
        () => {},
        () => "1",
      ),
    );
    expect([answer.status, answer.header?.get("retry-after")]).toEqual([status, header]);
    expect(JSON.parse(String(answer.body))).toEqual({ error: { reason, message: "no" } });
  });
});

describe("an agent", () => {
  const good = { verify: () => ({}), route: () => undefined };

  it.each([
    [{ Upper: good }, "webhooks.Upper"],
    [{ "": good }, "webhooks."],
    [{ ["x".repeat(64)]: good }, `webhooks.${"x".repeat(64)}`],
    [{ hook: Object.assign({ ...good }, { verify: undefined }) }, "webhooks.hook.verify"],
    [{ hook: Object.assign({ ...good }, { route: "task" }) }, "webhooks.hook.route"],
  ])("cannot have webhooks like %o", (webhooks, field) => {
    const define = () => defineAgent({ name: "inbox", onTaskEventSend: () => {}, webhooks });
    expect(define).toThrow(
      expect.objectContaining({
        reason: "VALUE_INVALID",
        details: { fields: [expect.objectContaining({ field })] },
      }),
    );
  });
});

function nested(depth: number): object {
  return depth === 0 ? {} : { a: nested(depth - 1) };
}
