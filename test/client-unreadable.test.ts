import { create, createRegistry, toBinary, toJsonString } from "@bufbuild/protobuf";
import type { Interceptor, Transport } from "@connectrpc/connect";
import * as node from "@connectrpc/connect-node";
import * as web from "@connectrpc/connect-web";
import { describe, expect, it } from "vitest";
import { GetTaskResponseSchema } from "../gen/pigeonhole/v1/task_service_pb.js";
import { Code, createClient, PigeonholeError } from "../src/client/index.ts";
import { ErrorInfoSchema } from "../src/proto.ts";
import { collect, startRig } from "./agents/rig.ts";
import { quickly, serve } from "./client-scripted-server.ts";

interface Options {
  baseUrl: string;
  interceptors: Interceptor[];
  useBinaryFormat: boolean;
  jsonOptions?: { registry: ReturnType<typeof createRegistry> };
}

const transports: Record<string, (options: Options) => Transport> = {
  "Connect over fetch": (options) => web.createConnectTransport(options),
  "gRPC-Web over fetch": (options) => web.createGrpcWebTransport(options),
  "Connect over Node": (options) => node.createConnectTransport({ ...options, httpVersion: "1.1" }),
  "gRPC over Node": (options) => node.createGrpcTransport(options),
};

/** A client over a transport, and how many calls it has made. */
function clientOver(make: (options: Options) => Transport, options: Omit<Options, "interceptors">) {
  let calls = 0;
  const count: Interceptor = (next) => (request) => {
    calls += 1;
    return next(request);
  };
  const { tasks } = createClient({
    transport: make({ ...options, interceptors: [count] }),
    retry: { ...quickly, maxAttempts: 200 },
  });
  return { tasks, calls: () => calls };
}

/** Gives what a call fails with. */
async function failureOf(call: Promise<unknown>): Promise<PigeonholeError> {
  const error: unknown = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof PigeonholeError) return error;
  throw new Error("it did not fail so", { cause: error });
}

/** A server whose one task has an error in its log. */
async function startFailed() {
  const rig = await startRig({
    retry: { maxAttempts: 1, onExhausted: "fail" },
    onTaskEventSend() {
      throw new Error("no");
    },
  });
  const taskId = await rig.create("fail");
  const log = await rig.end(taskId);
  const first = log.findIndex(({ entry }) => entry.case === "superseded");
  return { ...rig, taskId, log, before: log[first - 1]?.sequence ?? 0n };
}

describe.each(Object.entries(transports))("over JSON without a registry, %s", (_, make) => {
  it("an entry that cannot be read fails once, and says where it is", async () => {
    await using rig = await startFailed();
    const client = clientOver(make, { baseUrl: rig.url, useBinaryFormat: false });
    const seen: bigint[] = [];
    const follow = async () => {
      for await (const { sequence } of client.tasks.subscribe(rig.taskId)) seen.push(sequence);
    };
    const error = await failureOf(follow());
    expect(error).toMatchObject({
      reason: "UNRECOGNIZED",
      code: Code.Internal,
      metadata: { after_sequence: String(rig.before) },
    });
    expect(error.message).toMatch(
      new RegExp(
        `^the entry after sequence ${rig.before} cannot be read: .*google.rpc.ErrorInfo is not in the type registry`,
      ),
    );
    expect([seen.at(-1), client.calls()]).toEqual([rig.before, 1]);
  });

  it("an answer that cannot be read fails once", async () => {
    await using rig = await startFailed();
    const client = clientOver(make, { baseUrl: rig.url, useBinaryFormat: false });
    const error = await failureOf(client.tasks.get(rig.taskId));
    expect(error).toMatchObject({ reason: "UNRECOGNIZED", code: Code.Internal });
    expect(error.message).toMatch(/^the answer cannot be read: .*google.rpc.ErrorInfo/);
    expect(client.calls()).toBe(1);
  });

  it("and with one, all of it is read", async () => {
    await using rig = await startFailed();
    const jsonOptions = { registry: createRegistry(ErrorInfoSchema) };
    const client = clientOver(make, { baseUrl: rig.url, useBinaryFormat: false, jsonOptions });
    const seen = await collect(client.tasks.subscribe(rig.taskId));
    expect(seen.map(({ sequence }) => sequence)).toEqual(rig.log.map(({ sequence }) => sequence));
  });
});

describe.each(Object.entries(transports))("over %s", (_, make) => {
  it.each([true, false])(
    "a request that cannot be encoded fails once, in binary: %s",
    async (useBinaryFormat) => {
      await using rig = await startRig({});
      const client = clientOver(make, { baseUrl: rig.url, useBinaryFormat });
      const malformed = { reason: "REQUEST_MALFORMED", code: Code.InvalidArgument };
      const list = collect(client.tasks.list({ pageSize: 1.5 }));
      expect(await failureOf(list)).toMatchObject(malformed);
      const follow = collect(client.tasks.subscribe("t", { afterSequence: 2n ** 63n }));
      expect(await failureOf(follow)).toMatchObject(malformed);
      expect(client.calls()).toBe(2);
    },
  );
});

describe.each([
  ["Connect over fetch", true],
  ["Connect over Node", true],
  ["Connect over fetch", false],
  ["Connect over Node", false],
])("over %s, in binary: %s", (name, useBinaryFormat) => {
  it("an answer is asked for again that was cut off, wherever", async () => {
    const answer = create(GetTaskResponseSchema, { task: { id: "t", agent: "a", params: { rate: 0.5 } } });
    const whole = useBinaryFormat
      ? toBinary(GetTaskResponseSchema, answer)
      : Buffer.from(toJsonString(GetTaskResponseSchema, answer));
    let length = 0;
    await using server = await serve((_, { socket }) => {
      // The end of the connection is that of the body, as with proxies that speak HTTP/1.0.
      const type = useBinaryFormat ? "proto" : "json";
      socket?.write(`HTTP/1.1 200 OK\r\nContent-Type: application/${type}\r\nConnection: close\r\n\r\n`);
      length += 1;
      socket?.end(whole.subarray(0, length));
    });
    const make = transports[name] ?? web.createConnectTransport;
    const client = clientOver(make, { baseUrl: server.url, useBinaryFormat });
    // Each answer is a byte longer than the one before.
    expect(await client.tasks.get("t")).toMatchObject({ id: "t", params: { rate: 0.5 } });
    expect(client.calls()).toBe(whole.length);
  });
});

it("in binary, an entry that cannot be read fails once, and says where it is", async () => {
  // One whole message, of which the first byte is no tag.
  const envelope = Buffer.from([0, 0, 0, 0, 1, 0xff]);
  await using server = await serve((_, response) => {
    response.writeHead(200, { "content-type": "application/connect+proto" }).end(envelope);
  });
  const make = transports["Connect over fetch"] ?? web.createConnectTransport;
  const client = clientOver(make, { baseUrl: server.url, useBinaryFormat: true });
  const error = await failureOf(collect(client.tasks.subscribe("t", { afterSequence: 7n })));
  expect(error).toMatchObject({ reason: "UNRECOGNIZED", metadata: { after_sequence: "7" } });
  expect(error.message).toMatch(/^the entry after sequence 7 cannot be read: parse binary: /);
  expect(client.calls()).toBe(1);
});
