import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import {
  createConnectTransport as createConnect,
  createGrpcTransport as createGrpc,
  createGrpcWebTransport as createGrpcWeb,
} from "@connectrpc/connect-node";
import {
  createConnectTransport as createBrowserConnect,
  createGrpcWebTransport as createBrowserGrpcWeb,
} from "@connectrpc/connect-web";
import { Client, credentials, type ServiceError } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  ResourceInfoSchema,
  SendEventRequestSchema,
  SendEventResponseSchema,
  StatusSchema,
  TaskService,
} from "../src/proto.ts";
import { type Rig, reasonOf, startRig } from "./http-rig.ts";

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(() => rig[Symbol.asyncDispose]());

const transports: Record<string, (url: string, grpcUrl: string) => Transport> = {
  "Connect, JSON, HTTP/1.1": (baseUrl) =>
    createConnect({ baseUrl, httpVersion: "1.1", useBinaryFormat: false }),
  "Connect, binary, HTTP/1.1": (baseUrl) => createConnect({ baseUrl, httpVersion: "1.1" }),
  "Connect, GET, HTTP/1.1": (baseUrl) => createConnect({ baseUrl, httpVersion: "1.1", useHttpGet: true }),
  "Connect, JSON, HTTP/2": (baseUrl) => createConnect({ baseUrl, httpVersion: "2", useBinaryFormat: false }),
  "Connect, binary, HTTP/2": (baseUrl) => createConnect({ baseUrl, httpVersion: "2" }),
  "gRPC, JSON, HTTP/2": (baseUrl) => createGrpc({ baseUrl, useBinaryFormat: false }),
  "gRPC, binary, HTTP/2": (baseUrl) => createGrpc({ baseUrl }),
  "gRPC-Web, HTTP/1.1": (baseUrl) => createGrpcWeb({ baseUrl, httpVersion: "1.1" }),
  "gRPC-Web, HTTP/2": (baseUrl) => createGrpcWeb({ baseUrl, httpVersion: "2" }),
  "a browser's Connect": (baseUrl) => createBrowserConnect({ baseUrl }),
  "a browser's gRPC-Web": (baseUrl) => createBrowserGrpcWeb({ baseUrl }),
  "gRPC, binary, at the gRPC door": (_, baseUrl) => createGrpc({ baseUrl }),
};
const parts = [{ content: { case: "text" as const, value: "hi" } }];

describe.each(Object.entries(transports))("%s", (_name, createTransport) => {
  const tasks = () => createClient(TaskService, createTransport(rig.address.url, rig.door.url));
  const failure = (call: Promise<unknown>) =>
    call.then(
      () => expect.unreachable("it must fail"),
      (error: unknown) => ConnectError.from(error),
    );

  it("answers", async () => {
    expect((await tasks().getTask({ key: { case: "taskId", value: "t" } })).task?.id).toBe("t");
    expect((await tasks().sendEvent({ taskId: "ok", parts })).event?.id).toBe("ok");
  });

  it("takes a deadline that no timer can keep for none", async () => {
    const headers = { "connect-timeout-ms": "9999999999", "grpc-timeout": "99999999H" };
    const key = { case: "taskId" as const, value: "patient" };
    expect((await tasks().getTask({ key }, { headers })).task?.id).toBe("patient");
  });

  it("streams", async () => {
    const sequences = [];
    for await (const { update } of tasks().subscribeTask({ taskId: "ok" })) sequences.push(update?.sequence);
    expect(sequences).toEqual([1n]);
  });

  it("carries a message of a mebibyte", async () => {
    const value = "x".repeat(1024 * 1024 - 16);
    const answer = await tasks().sendEvent({ taskId: "ok", parts: [{ content: { case: "text", value } }] });
    expect(answer.event?.id).toBe("ok");
  });

  it("carries one ErrorInfo and the details", async () => {
    const error = await failure(tasks().sendEvent({ taskId: "missing", parts }));
    expect([error.code, reasonOf(error)]).toEqual([Code.NotFound, "TASK_NOT_FOUND"]);
    expect(error.findDetails(ResourceInfoSchema)).toMatchObject([
      { resourceType: "task", resourceName: "missing" },
    ]);
    const invalid = await failure(tasks().sendEvent({ taskId: "ok" }));
    expect([invalid.code, reasonOf(invalid)]).toEqual([Code.InvalidArgument, "FIELD_INVALID"]);
    expect(invalid.findDetails(BadRequestSchema)).toMatchObject([{ fieldViolations: [{ field: "parts" }] }]);
  });

  it("carries an error after a message of a stream", async () => {
    const seen: unknown[] = [];
    const stream = async () => {
      for await (const { update } of tasks().subscribeTask({ taskId: "missing" }))
        seen.push(update?.sequence);
    };
    const error = await failure(stream());
    expect(seen).toEqual([1n]);
    expect([error.code, reasonOf(error)]).toEqual([Code.NotFound, "TASK_NOT_FOUND"]);
  });

  it("says nothing of a defect but its id", async () => {
    const error = await failure(tasks().sendEvent({ taskId: "defect", parts }));
    const [info] = error.findDetails(ErrorInfoSchema);
    expect([error.code, error.rawMessage, info?.reason]).toEqual([
      Code.Internal,
      "internal error",
      "INTERNAL",
    ]);
    expect(String(rig.defects.get(info?.metadata.error_id ?? ""))).toBe("Error: select * from secrets");
  });

  it("answers a call that nobody implements as unimplemented", async () => {
    const error = await failure(tasks().getTaskState({ taskId: "ok" }));
    expect([error.code, reasonOf(error)]).toEqual([Code.Unimplemented, "METHOD_UNKNOWN"]);
  });

  it("stops what a caller has left", async () => {
    const controller = new AbortController();
    const stream = tasks().subscribeTask({ taskId: "endless" }, { signal: controller.signal });
    const error = await failure(
      (async () => {
        for await (const _ of stream) controller.abort();
      })(),
    );
    expect(error.code).toBe(Code.Canceled);
    await rig.unsubscribed();
  });
});

describe("grpc-js", () => {
  const call = (client: Client, path: string, request: Uint8Array) =>
    new Promise<Buffer | undefined>((resolve, reject) => {
      client.makeUnaryRequest(
        path,
        (bytes: Uint8Array) => Buffer.from(bytes),
        (bytes) => bytes,
        request,
        (error: ServiceError | null, answer) => (error ? reject(error) : resolve(answer)),
      );
    });
  const encode = (taskId: string) =>
    toBinary(SendEventRequestSchema, create(SendEventRequestSchema, { taskId, parts }));

  it.each(["address", "door"] as const)(
    "is answered, and is told the reason of every error (%s)",
    async (port) => {
      const client = new Client(`127.0.0.1:${rig[port].port}`, credentials.createInsecure());
      try {
        const answer = await call(client, "/pigeonhole.v1.TaskService/SendEvent", encode("ok"));
        expect(fromBinary(SendEventResponseSchema, answer ?? new Uint8Array()).event?.id).toBe("ok");
        for (const [path, request, code, reason] of [
          ["/pigeonhole.v1.TaskService/SendEvent", encode("missing"), 5, "TASK_NOT_FOUND"],
          ["/pigeonhole.v1.TaskService/SendEvent", Buffer.from([0x0a, 0xff]), 3, "REQUEST_MALFORMED"],
          ["/pigeonhole.v1.TaskService/SendEvent", Buffer.alloc(8 * 1024 * 1024), 8, "REQUEST_TOO_LARGE"],
          ["/pigeonhole.v1.TaskService/Nope", encode("ok"), 12, "METHOD_UNKNOWN"],
          ["/other.v1.Service/Nope", encode("ok"), 12, "METHOD_UNKNOWN"],
        ] as const) {
          const error = await call(client, path, request).then(
            () => expect.unreachable("it must fail"),
            (failure: ServiceError) => failure,
          );
          const [details] = error.metadata.get("grpc-status-details-bin");
          const status = fromBinary(StatusSchema, Buffer.isBuffer(details) ? details : new Uint8Array());
          const info = status.details.flatMap((detail) => anyUnpack(detail, ErrorInfoSchema)?.reason ?? []);
          expect([error.code, status.code, info]).toEqual([code, code, [reason]]);
        }
      } finally {
        client.close();
      }
    },
  );
});
