import { getEventListeners } from "node:events";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createClient, isReason, PigeonholeError } from "../src/client/index.ts";
import { BadRequestSchema, ErrorInfoSchema, type SendEventRequest } from "../src/proto.ts";
import { quickly, serve, serverError, serveScript, stopping } from "./client-scripted-server.ts";

function clientOf(baseUrl: string) {
  return createClient({ baseUrl, retry: quickly });
}

const accepted = { event: { id: "e", sequence: 2n } };

/** Serves a SendEvent that fails in these ways, one per try, and then answers. */
async function failingServer(...failures: (ConnectError | "cut")[]) {
  const requests: SendEventRequest[] = [];
  const times: number[] = [];
  const server = await serveScript({
    sendEvent(request) {
      requests.push(request);
      times.push(performance.now());
      const failure = failures.shift();
      if (failure === "cut") server.cut();
      else if (failure) throw failure;
      return accepted;
    },
  });
  return { url: server.url, requests, times, [Symbol.asyncDispose]: () => server.stop() };
}

describe("a call that changes something", () => {
  it.each<[string, ConnectError | "cut"]>([
    ["UNAVAILABLE", stopping()],
    ["RESOURCE_EXHAUSTED with a RetryInfo", serverError(Code.ResourceExhausted, "MAILBOX_FULL", 1)],
    ["a connection that breaks before the answer", "cut"],
    ["a failure without a reason of Pigeonhole", new ConnectError("?", Code.Unknown)],
    ["CANCELLED that its caller did not cause", serverError(Code.Canceled, "CALLER_GONE")],
  ])("is made again, as the same request, after %s", async (_, failure) => {
    await using server = await failingServer(failure, failure);
    const { event } = await clientOf(server.url).tasks.send("t", "hi");
    expect(event.id).toBe("e");
    expect(server.requests).toHaveLength(3);
    expect(new Set(server.requests.map(({ requestId }) => requestId)).size).toBe(1);
  });

  it.each([
    [Code.ResourceExhausted, "REQUEST_TOO_LARGE"],
    [Code.FailedPrecondition, "TASK_FINISHED"],
    [Code.Aborted, "SEQUENCE_MISMATCH"],
    [Code.InvalidArgument, "FIELD_INVALID"],
    [Code.Internal, "INTERNAL"],
  ])("is not made again after code %i %s", async (code, reason) => {
    await using server = await failingServer(serverError(code, reason));
    await expect(clientOf(server.url).tasks.send("t", "hi")).rejects.toMatchObject({ reason, code });
    expect(server.requests).toHaveLength(1);
  });

  it("waits at least as long as the server asks", async () => {
    await using server = await failingServer(serverError(Code.ResourceExhausted, "MAILBOX_FULL", 60));
    await clientOf(server.url).tasks.send("t", "hi");
    const [first = 0, second = 0] = server.times;
    expect(second - first).toBeGreaterThanOrEqual(59);
  });

  it("rejects at once when the server asks to wait for longer than a call may take", async () => {
    await using server = await failingServer(serverError(Code.Unavailable, "OVERLOADED", 3_600_000));
    await expect(clientOf(server.url).tasks.send("t", "hi")).rejects.toMatchObject({ retryAfter: 3_600_000 });
    expect(server.requests).toHaveLength(1);
  });

  it("rejects with the last error after as many tries as allowed", async () => {
    await using server = await failingServer(...Array.from({ length: 5 }, stopping));
    const { tasks } = createClient({ baseUrl: server.url, retry: { ...quickly, maxAttempts: 3 } });
    await expect(tasks.send("t", "hi")).rejects.toMatchObject({ reason: "SERVER_STOPPING" });
    expect(server.requests).toHaveLength(3);
  });

  it("is made again when a try takes too long", async () => {
    let calls = 0;
    await using server = await serve((request, response) => {
      calls += 1;
      if (calls === 1) return;
      response.writeHead(200, { "content-type": "application/proto" });
      response.end(Uint8Array.of(0x0a, 0x00));
      request.resume();
    });
    const { tasks } = createClient({ baseUrl: server.url, retry: { ...quickly, attemptTimeout: 40 } });
    await tasks.cancel("t");
    expect(calls).toBe(2);
  });

  it("has an id of its own, or the one that it is given", async () => {
    await using server = await failingServer();
    const { tasks } = clientOf(server.url);
    await tasks.send("t", "a");
    await tasks.send("t", "b");
    await tasks.send("t", "c", { requestId: "mine" });
    const [first, second, third] = server.requests.map(({ requestId }) => requestId);
    expect(first).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(second).not.toBe(first);
    expect(third).toBe("mine");
  });

  it("rejects with the signal's reason when aborted while it waits, and lets go of the signal", async () => {
    const controller = new AbortController();
    await using server = await serveScript({
      sendEvent() {
        controller.abort(new Error("enough"));
        throw serverError(Code.Unavailable, "OVERLOADED", 30_000);
      },
    });
    const { signal } = controller;
    await expect(clientOf(server.url).tasks.send("t", "hi", { signal })).rejects.toThrow("enough");
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });

  it("lets go of the signal when it resolves", async () => {
    const { signal } = new AbortController();
    await using server = await failingServer(stopping());
    await clientOf(server.url).tasks.send("t", "hi", { signal });
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });
});

describe("without crypto.randomUUID", () => {
  afterEach(() => vi.unstubAllGlobals());

  it("a request id is a random UUID all the same", async () => {
    vi.stubGlobal("crypto", { getRandomValues: crypto.getRandomValues.bind(crypto) });
    await using server = await failingServer();
    const { tasks } = clientOf(server.url);
    for (let i = 0; i < 20; i++) await tasks.send("t", "hi");
    const ids = server.requests.map(({ requestId }) => requestId);
    expect(new Set(ids).size).toBe(20);
    for (const id of ids) {
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    }
  });
});

describe("an error", () => {
  it("tells its reason, fields and metadata", async () => {
    const fieldViolations = [{ field: "parts[0].text", description: "is longer than 3" }];
    await using server = await failingServer(
      new ConnectError("a field is invalid", Code.InvalidArgument, undefined, [
        {
          desc: ErrorInfoSchema,
          value: create(ErrorInfoSchema, {
            domain: "pigeonhole",
            reason: "FIELD_INVALID",
            metadata: { limit: "3" },
          }),
        },
        { desc: BadRequestSchema, value: create(BadRequestSchema, { fieldViolations }) },
      ]),
    );
    const error: unknown = await clientOf(server.url)
      .tasks.send("t", "hello")
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(PigeonholeError);
    expect(error).toMatchObject({
      name: "PigeonholeError",
      message: "a field is invalid",
      reason: "FIELD_INVALID",
      code: Code.InvalidArgument,
      fields: fieldViolations,
      metadata: { limit: "3" },
      retryAfter: undefined,
    });
    expect(isReason(error, "TASK_NOT_FOUND", "FIELD_INVALID")).toBe(true);
    expect(isReason(error, "TASK_NOT_FOUND")).toBe(false);
  });

  it("is UNRECOGNIZED when its reason is one of a newer server", async () => {
    await using server = await failingServer(serverError(Code.FailedPrecondition, "MOON_IN_RETROGRADE"));
    await expect(clientOf(server.url).tasks.send("t", "hi")).rejects.toMatchObject({
      reason: "UNRECOGNIZED",
      code: Code.FailedPrecondition,
    });
  });

  it.each([
    [404, "UNRECOGNIZED", Code.Unimplemented],
    [401, "UNRECOGNIZED", Code.Unauthenticated],
    [502, "CONNECTION_LOST", Code.Unavailable],
  ])("is told apart when something else than Pigeonhole answers HTTP %i", async (status, reason, code) => {
    await using server = await serve((_, response) => {
      response.writeHead(status, { "content-type": "text/html" });
      response.end("<h1>No</h1>");
    });
    const { tasks } = createClient({ baseUrl: server.url, retry: { maxAttempts: 1 } });
    await expect(tasks.get("t")).rejects.toMatchObject({ reason, code });
  });

  it("is CONNECTION_LOST when there is no server", async () => {
    await using server = await serveScript({});
    await server.stop();
    const { tasks } = createClient({ baseUrl: server.url, retry: { ...quickly, maxAttempts: 2 } });
    await expect(tasks.get("t")).rejects.toMatchObject({
      reason: "CONNECTION_LOST",
      message: expect.stringMatching(/^the server cannot be reached: .*ECONNREFUSED/),
    });
  });
});
