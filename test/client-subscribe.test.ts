import { getEventListeners } from "node:events";
import { setTimeout } from "node:timers/promises";
import { Code, type Transport } from "@connectrpc/connect";
import {
  createGrpcTransport,
  createConnectTransport as createNodeConnectTransport,
} from "@connectrpc/connect-node";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import { describe, expect, it } from "vitest";
import { createClient, isReason } from "../src/client/index.ts";
import { collect, heartbeat, logOf, sequencesOf, taskEntry } from "./client-log.ts";
import { quickly, serverError, serveScript, stopping } from "./client-scripted-server.ts";

function clientOf(baseUrl: string) {
  return createClient({ baseUrl, retry: quickly });
}

/** Never ends by itself. */
const forever = new Promise<never>(() => {});

describe("subscribe", () => {
  it("shows the log in order and ends when the server does", async () => {
    await using server = await serveScript({
      async *subscribeTask() {
        for (const update of logOf(3)) yield { update };
      },
    });
    expect(await sequencesOf(clientOf(server.url).tasks.subscribe("t"))).toEqual([1, 2, 3]);
  });

  it("shows heartbeats only when asked", async () => {
    await using server = await serveScript({
      async *subscribeTask() {
        for (const update of [taskEntry(1), heartbeat(1), taskEntry(2)]) yield { update };
      },
    });
    const { tasks } = clientOf(server.url);
    const cases = async (heartbeats: boolean) =>
      (await collect(tasks.subscribe("t", { heartbeats }))).map(({ entry }) => entry.case);
    expect(await cases(false)).toEqual(["task", "task"]);
    expect(await cases(true)).toEqual(["task", "heartbeat", "task"]);
  });

  it("begins after the sequence it is given", async () => {
    await using server = await serveScript({
      async *subscribeTask({ afterSequence }) {
        yield { update: taskEntry(Number(afterSequence) + 1) };
      },
    });
    expect(await sequencesOf(clientOf(server.url).tasks.subscribe("t", { afterSequence: 41n }))).toEqual([
      42,
    ]);
  });

  it("drops what it has shown already", async () => {
    let calls = 0;
    await using server = await serveScript({
      async *subscribeTask() {
        for (const update of logOf(++calls * 2)) yield { update };
        if (calls < 3) throw stopping();
      },
    });
    expect(await sequencesOf(clientOf(server.url).tasks.subscribe("t"))).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("waits at least as long as the server asks", async () => {
    const times: number[] = [];
    await using server = await serveScript({
      async *subscribeTask() {
        times.push(performance.now());
        if (times.length === 1) throw serverError(Code.ResourceExhausted, "OVERLOADED", 60);
        yield { update: taskEntry(1) };
      },
    });
    await collect(clientOf(server.url).tasks.subscribe("t"));
    expect(times).toHaveLength(2);
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(59);
  });

  it.each([
    [Code.NotFound, "TASK_NOT_FOUND"],
    [Code.OutOfRange, "SEQUENCE_OUT_OF_RANGE"],
    [Code.InvalidArgument, "FIELD_INVALID"],
    [Code.ResourceExhausted, "OVERLOADED"],
    [Code.Internal, "INTERNAL"],
  ])("throws what cannot be mended, code %i %s", async (code, reason) => {
    let calls = 0;
    await using server = await serveScript({
      subscribeTask() {
        calls += 1;
        throw serverError(code, reason);
      },
    });
    await expect(collect(clientOf(server.url).tasks.subscribe("t"))).rejects.toMatchObject({ reason, code });
    expect(calls).toBe(1);
  });

  it("gives up after so many failures in a row, counted anew after progress", async () => {
    let calls = 0;
    await using server = await serveScript({
      async *subscribeTask() {
        calls += 1;
        if (calls <= 4) yield { update: taskEntry(calls) };
        throw stopping();
      },
    });
    const waits: number[] = [];
    const updates = clientOf(server.url).tasks.subscribe("t", {
      maxAttempts: 3,
      onInterrupt: (error, wait) => {
        if (isReason(error, "SERVER_STOPPING")) waits.push(wait);
      },
    });
    await expect(collect(updates)).rejects.toMatchObject({ reason: "SERVER_STOPPING" });
    expect(calls).toBe(6);
    expect(waits).toHaveLength(5);
  });

  it("does not take the heartbeat that ends a replay for progress, but a later one", async () => {
    let calls = 0;
    await using server = await serveScript({
      async *subscribeTask() {
        calls += 1;
        for (let beats = calls === 2 ? 2 : 1; beats > 0; beats--) yield { update: heartbeat(0) };
        throw stopping();
      },
    });
    const updates = clientOf(server.url).tasks.subscribe("t", { maxAttempts: 2 });
    await expect(collect(updates)).rejects.toMatchObject({ reason: "SERVER_STOPPING" });
    expect(calls).toBe(3);
  });

  it("takes a connection on which nothing comes for dead", async () => {
    let calls = 0;
    const { promise: cancelled, resolve: onCancelled } = Promise.withResolvers<void>();
    await using server = await serveScript({
      async *subscribeTask({ afterSequence }, { signal }) {
        calls += 1;
        yield { update: taskEntry(Number(afterSequence) + 1) };
        if (calls > 1) return;
        signal.addEventListener("abort", () => onCancelled());
        await forever;
      },
    });
    expect(await sequencesOf(clientOf(server.url).tasks.subscribe("t", { idleTimeout: 40 }))).toEqual([1, 2]);
    await cancelled;
  });

  it("does not take a reader that is slow for a dead connection", async () => {
    let calls = 0;
    await using server = await serveScript({
      async *subscribeTask() {
        calls += 1;
        for (const update of logOf(3)) yield { update };
      },
    });
    const seen: bigint[] = [];
    for await (const { sequence } of clientOf(server.url).tasks.subscribe("t", { idleTimeout: 400 })) {
      seen.push(sequence);
      // The time that this reader takes is what the test is about.
      await setTimeout(500);
    }
    expect(seen).toEqual([1n, 2n, 3n]);
    expect(calls).toBe(1);
  });

  it("cancels the call and lets go of the signal when the loop is left", async () => {
    const { promise: cancelled, resolve: onCancelled } = Promise.withResolvers<void>();
    await using server = await serveScript({
      async *subscribeTask(_, { signal }) {
        signal.addEventListener("abort", () => onCancelled());
        yield { update: taskEntry(1) };
        await forever;
      },
    });
    const { signal } = new AbortController();
    for await (const _ of clientOf(server.url).tasks.subscribe("t", { signal })) {
      expect(getEventListeners(signal, "abort")).not.toHaveLength(0);
      break;
    }
    await cancelled;
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });

  it("throws the signal's reason when aborted while it waits for the server", async () => {
    const controller = new AbortController();
    const { promise: cancelled, resolve: onCancelled } = Promise.withResolvers<void>();
    await using server = await serveScript({
      async *subscribeTask(_, { signal }) {
        signal.addEventListener("abort", () => onCancelled());
        controller.abort(new Error("enough"));
        await forever;
      },
    });
    const updates = clientOf(server.url).tasks.subscribe("t", { signal: controller.signal });
    await expect(collect(updates)).rejects.toThrow("enough");
    await cancelled;
    expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
  });

  it("throws the signal's reason when aborted between two tries", async () => {
    const controller = new AbortController();
    await using server = await serveScript({});
    await server.stop();
    const { tasks } = createClient({ baseUrl: server.url, retry: { initialBackoff: 1e9, maxBackoff: 1e9 } });
    const onInterrupt = () => queueMicrotask(() => controller.abort());
    const updates = tasks.subscribe("t", { signal: controller.signal, onInterrupt });
    await expect(collect(updates)).rejects.toThrow(expect.objectContaining({ name: "AbortError" }));
    expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
  });

  it("makes no call when the signal is aborted from the start", async () => {
    const { tasks } = clientOf("http://127.0.0.1:1");
    const updates = tasks.subscribe("t", { signal: AbortSignal.abort(new Error("enough")) });
    await expect(collect(updates)).rejects.toThrow("enough");
  });
});

const transports: [string, boolean, (baseUrl: string) => Transport][] = [
  ["Connect over fetch", false, (baseUrl) => createConnectTransport({ baseUrl, useBinaryFormat: true })],
  ["Connect over fetch, in JSON", false, (baseUrl) => createConnectTransport({ baseUrl })],
  ["gRPC-Web over fetch", false, (baseUrl) => createGrpcWebTransport({ baseUrl })],
  ["Connect over HTTP/1.1", false, (baseUrl) => createNodeConnectTransport({ baseUrl, httpVersion: "1.1" })],
  ["Connect over HTTP/2", true, (baseUrl) => createNodeConnectTransport({ baseUrl, httpVersion: "2" })],
  ["gRPC over HTTP/2", true, (baseUrl) => createGrpcTransport({ baseUrl })],
];

describe.each(transports)("subscribe with %s", (_, http2, createTransport) => {
  it("resumes after its connection breaks", async () => {
    const asked: bigint[] = [];
    const seen: bigint[] = [];
    await using server = await serveScript({
      http2,
      async *subscribeTask({ afterSequence }, { signal }) {
        asked.push(afterSequence);
        const rest = logOf(9).slice(Number(afterSequence));
        for (const update of asked.length < 3 ? rest.slice(0, 3) : rest) yield { update };
        if (asked.length < 3) await new Promise((resolve) => signal.addEventListener("abort", resolve));
      },
    });
    const { tasks } = createClient({ transport: createTransport(server.url), retry: quickly });
    for await (const { sequence } of tasks.subscribe("t")) {
      seen.push(sequence);
      if (sequence === 3n || sequence === 6n) server.cut();
    }
    expect(seen).toEqual([1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n, 9n]);
    expect(asked).toEqual([0n, 3n, 6n]);
  });

  it("resumes at a server that was stopped and starts again", async () => {
    let calls = 0;
    await using server = await serveScript({
      http2,
      async *subscribeTask({ afterSequence }, { signal }) {
        calls += 1;
        for (const update of logOf(calls * 2).slice(Number(afterSequence))) yield { update };
        if (calls === 1) await new Promise((resolve) => signal.addEventListener("abort", resolve));
      },
    });
    let interrupts = 0;
    const { tasks } = createClient({ transport: createTransport(server.url), retry: quickly });
    const updates = tasks.subscribe("t", {
      onInterrupt: () => {
        interrupts += 1;
        if (interrupts === 5) void server.start();
      },
    });
    const seen: bigint[] = [];
    for await (const { sequence } of updates) {
      seen.push(sequence);
      if (sequence === 2n) await server.stop();
    }
    expect(seen).toEqual([1n, 2n, 3n, 4n]);
    expect(interrupts).toBeGreaterThanOrEqual(5);
  });

  it("ends its call when the loop is left", async () => {
    const { promise: cancelled, resolve: onCancelled } = Promise.withResolvers<void>();
    await using server = await serveScript({
      http2,
      async *subscribeTask(_, { signal }) {
        signal.addEventListener("abort", () => onCancelled());
        yield { update: taskEntry(1) };
        await forever;
      },
    });
    const { tasks } = createClient({ transport: createTransport(server.url), retry: quickly });
    for await (const _ of tasks.subscribe("t")) break;
    await cancelled;
  });
});
