import { getEventListeners } from "node:events";
import { Code, type ConnectError } from "@connectrpc/connect";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createClient } from "../src/client/index.ts";
import type { SendEventRequest } from "../src/proto.ts";
import { quickly, serve, serverError, serveScript, stopping } from "./client-scripted-server.ts";

function clientOf(baseUrl: string) {
  return createClient({ baseUrl, retry: quickly });
}

const accepted = { event: { id: "e", sequence: 2n } };

/** Serves a SendEvent that fails in these ways, one per try, and then answers. */
async function failingServer(...failures: ConnectError[]) {
  const requests: SendEventRequest[] = [];
  const server = await serveScript({
    sendEvent(request) {
      requests.push(request);
      const failure = failures.shift();
      if (failure) throw failure;
      return accepted;
    },
  });
  return { url: server.url, requests, [Symbol.asyncDispose]: () => server.stop() };
}

describe("a call that changes something", () => {
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
  it.each([
    [404, "UNRECOGNIZED", Code.Unimplemented],
    [401, "UNRECOGNIZED", Code.Unauthenticated],
    [413, "UNRECOGNIZED", Code.Unknown],
    [400, "UNRECOGNIZED", Code.Internal],
    [408, "CONNECTION_LOST", Code.Unknown],
    [429, "CONNECTION_LOST", Code.Unavailable],
    [502, "CONNECTION_LOST", Code.Unavailable],
  ])("is told apart when something else than Pigeonhole answers HTTP %i", async (status, reason, code) => {
    let calls = 0;
    await using server = await serve((_, response) => {
      calls += 1;
      response.writeHead(status, { "content-type": "text/html" });
      response.end("<h1>No</h1>");
    });
    const { tasks } = createClient({ baseUrl: server.url, retry: { ...quickly, maxAttempts: 2 } });
    await expect(tasks.get("t")).rejects.toMatchObject({ reason, code });
    expect(calls).toBe(reason === "UNRECOGNIZED" ? 1 : 2);
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
