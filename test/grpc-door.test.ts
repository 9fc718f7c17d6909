import { once } from "node:events";
import * as http2 from "node:http2";
import { type AddressInfo, createServer } from "node:net";
import { create, createFileRegistry } from "@bufbuild/protobuf";
import type { GenService } from "@bufbuild/protobuf/codegenv2";
import {
  FileDescriptorProtoSchema,
  file_google_protobuf_wrappers,
  type StringValueSchema,
} from "@bufbuild/protobuf/wkt";
import { Code, createClient, type HandlerContext } from "@connectrpc/connect";
import { encodeEnvelope } from "@connectrpc/connect/protocol";
import { compressionGzip, createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TaskService } from "../src/proto.ts";
import { serve } from "../src/server/index.ts";
import { doorFormat, type Rig, reasonOf, send, startRig } from "./http-rig.ts";
import { createDesk } from "./service-agent.ts";
import { present } from "./service-follow.ts";
import { startServer } from "./service-server.ts";

const value = ".google.protobuf.StringValue";
const echoFile = create(FileDescriptorProtoSchema, {
  name: "test/echo.proto",
  package: "test",
  syntax: "proto3",
  dependency: ["google/protobuf/wrappers.proto"],
  service: [
    {
      name: "EchoService",
      method: [
        { name: "Unary", inputType: value, outputType: value },
        { name: "Stream", inputType: value, outputType: value, serverStreaming: true },
        { name: "Upload", inputType: value, outputType: value, clientStreaming: true },
        { name: "Chat", inputType: value, outputType: value, clientStreaming: true, serverStreaming: true },
      ],
    },
  ],
});
type Value = typeof StringValueSchema;
type Echo = GenService<{
  unary: { methodKind: "unary"; input: Value; output: Value };
  stream: { methodKind: "server_streaming"; input: Value; output: Value };
  upload: { methodKind: "client_streaming"; input: Value; output: Value };
  chat: { methodKind: "bidi_streaming"; input: Value; output: Value };
}>;
const EchoService = createFileRegistry(echoFile, () => file_google_protobuf_wrappers).getService(
  "test.EchoService",
) as Echo;

/** What the handler of the last call was given. */
let seen: HandlerContext;
/** Is resolved when a chat's handler has ended. */
let chatted = Promise.withResolvers<void>();

/** Notes the call, and answers its metadata in the headers and in the trailers. */
function note(context: HandlerContext): void {
  seen = context;
  context.responseHeader.set("x-head", context.requestHeader.get("x-word") ?? "none");
  context.responseTrailer.set("x-tail-bin", context.requestHeader.get("x-bytes-bin") ?? "");
}

let rig: Rig;
beforeAll(async () => {
  rig = await startRig({
    routes: (router) =>
      router
        .service(TaskService, {
          async *subscribeTask() {
            while (true) {
              pulled += 1;
              yield { update: { entry: { case: "task", value: { name: "x".repeat(1000) } } } };
            }
          },
        })
        .service(EchoService, {
          unary(request, context) {
            note(context);
            return request;
          },
          async *stream(request, context) {
            note(context);
            yield request;
            yield request;
          },
          async upload(requests) {
            const values = [];
            for await (const { value } of requests) values.push(value);
            return { value: values.join(" ") };
          },
          async *chat(requests) {
            try {
              for await (const { value } of requests) yield { value: `${value}?` };
            } finally {
              chatted.resolve();
            }
          },
        }),
  });
});
afterAll(() => rig[Symbol.asyncDispose]());
let pulled = 0;

const ports = ["address", "door"] as const;
const echo = (port: (typeof ports)[number]) =>
  createClient(
    EchoService,
    createGrpcTransport({
      baseUrl: rig[port].url,
      sendCompression: compressionGzip,
      compressMinBytes: 1,
    }),
  );
async function* words() {
  for (const value of ["how", "are", "you"]) yield { value };
}

describe.each(ports)("gRPC at the rig's %s", (port) => {
  it("carries metadata both ways, and what the handler is told of its call", async () => {
    const headers = new Headers({ "x-word": "a, b", "x-bytes-bin": "AAH/" });
    const answered = new Headers();
    const take = (some: Headers) => some.forEach((value, name) => void answered.set(name, value));
    const options = { headers, timeoutMs: 60_000, onHeader: take, onTrailer: take };
    expect((await echo(port).unary({ value: "hello" }, options)).value).toBe("hello");
    expect(answered.get("x-head")).toBe("a, b");
    expect(answered.get("x-tail-bin")).toMatch(/^AAH\/=*$/);
    expect(seen).toMatchObject({
      protocolName: "grpc",
      requestMethod: "POST",
      url: expect.stringMatching(/^http:.*\/test\.EchoService\/Unary$/),
    });
    expect(seen.requestHeader.get("content-type")).toBe("application/grpc+proto");
    expect(seen.timeoutMs()).toBeGreaterThan(50_000);
    expect(seen.signal.aborted).toBe(true);
  });

  it("carries streams of all kinds, compressed", async () => {
    const values = [];
    for await (const { value } of echo(port).stream({ value: "again" })) values.push(value);
    expect(values).toEqual(["again", "again"]);
    expect((await echo(port).upload(words())).value).toBe("how are you");
    const answers = [];
    for await (const { value } of echo(port).chat(words())) answers.push(value);
    expect(answers).toEqual(["how?", "are?", "you?"]);
  });

  it("ends a call whose caller streams a message that is too large, and finds no defect in itself", async () => {
    chatted = Promise.withResolvers();
    const session = http2.connect(rig[port].url);
    const stream = session.request({
      ":method": "POST",
      ":path": "/test.EchoService/Chat",
      "content-type": "application/grpc",
    });
    stream.on("error", () => {});
    const trailers = once(stream, "trailers");
    stream.write(encodeEnvelope(0, new Uint8Array()));
    await once(stream, "data");
    stream.resume();
    stream.write(Buffer.from("007fffffff", "hex"));
    const [{ "grpc-status": status }] = await trailers;
    expect(String(status)).toBe("8");
    await chatted.promise;
    session.destroy();
    // Answered behind whatever comes of the handler's end.
    await echo(port).unary({ value: "x" });
    expect([...rig.defects.values()]).toEqual([]);
  });

  it("refuses a call with no message, and one with two", async () => {
    for (const body of [
      new Uint8Array(),
      Buffer.concat([encodeEnvelope(0, new Uint8Array()), encodeEnvelope(0, new Uint8Array())]),
    ]) {
      for (const method of ["Unary", "Stream"]) {
        const headers = { "content-type": "application/grpc" };
        const error = doorFormat.errorOf(
          await send(rig[port], { httpVersion: 2, path: `/test.EchoService/${method}`, headers, body }),
        );
        expect([error?.code, reasonOf(error)]).toEqual([Code.InvalidArgument, "REQUEST_MALFORMED"]);
      }
    }
  });

  it("makes no more messages than its caller reads", async () => {
    pulled = 0;
    const session = http2.connect(rig[port].url);
    const stream = session.request({
      ":method": "POST",
      ":path": "/pigeonhole.v1.TaskService/SubscribeTask",
      "content-type": "application/grpc",
    });
    stream.on("error", () => {});
    stream.end(encodeEnvelope(0, Uint8Array.of(0x0a, 1, 0x74)));
    await once(stream, "response");
    // Answered behind whatever the stream makes without being read.
    for (let call = 0; call < 20; call++) await echo(port).unary({ value: "x" });
    const made = pulled;
    for (let call = 0; call < 20; call++) await echo(port).unary({ value: "x" });
    expect(pulled).toBe(made);
    // The window of the caller and what is unsent, in messages of a thousand bytes.
    expect(made).toBeLessThan(400);
    session.destroy();
  });
});

describe("the gRPC door", () => {
  const call = (contentType: string, path = "/test.EchoService/Unary", method = "POST") =>
    send(rig.door, {
      httpVersion: 2,
      path,
      method,
      headers: { "content-type": contentType },
      body: encodeEnvelope(0, new Uint8Array()),
    });

  it("takes binary alone", async () => {
    for (const type of ["application/grpc", "application/grpc+proto", "application/grpc; charset=utf-8"])
      expect((await call(type)).trailers.get("grpc-status")).toBe("0");
    for (const type of ["application/grpc+json", "application/grpc-web+proto", "application/grpc-web-text"]) {
      const error = doorFormat.errorOf(await call(type));
      expect([error?.code, reasonOf(error)]).toEqual([Code.Unimplemented, "METHOD_UNKNOWN"]);
      expect(error?.rawMessage).toContain(type);
    }
    expect((await call("application/json")).status).toBe(404);
  });

  it("says over HTTP/1.1 and HTTP/2 whether it is healthy, and nothing else", async () => {
    for (const httpVersion of [1, 2] as const) {
      const get = (path: string) => send(rig.door, { httpVersion, path, method: "GET" });
      expect((await get("/healthz")).body.toString()).toBe("ok\n");
      expect((await get("/")).status).toBe(404);
    }
  });

  it("takes a deadline that no timer can keep for none", async () => {
    const headers = { "content-type": "application/grpc", "grpc-timeout": "99999999H" };
    const body = encodeEnvelope(0, new Uint8Array());
    const path = "/test.EchoService/Unary";
    expect((await send(rig.door, { httpVersion: 2, path, headers, body })).trailers.get("grpc-status")).toBe(
      "0",
    );
  });

  it("logs nothing of headers that gRPC does not know", async () => {
    const lines: unknown[] = [];
    const { error } = console;
    console.error = (...line: unknown[]) => void lines.push(line);
    try {
      const headers = { "content-type": "application/grpc", "x!y": "\x80", "x-bin": "%" };
      const body = encodeEnvelope(0, new Uint8Array());
      await send(rig.door, { httpVersion: 2, path: "/test.EchoService/Unary", headers, body });
    } finally {
      console.error = error;
    }
    expect(lines).toEqual([]);
  });

  it("asks who calls before it keeps anything of a request", async () => {
    await using server = await startServer({ auth: {} });
    const session = http2.connect(present(server.grpcUrl));
    const call = session.request({
      ":method": "POST",
      ":path": "/pigeonhole.v1.TaskService/SendEvent",
      "content-type": "application/grpc",
    });
    // Of a message that never ends.
    call.write(Buffer.from([0, 0, 1, 0, 0, 1]));
    const [headers] = await once(call, "response");
    expect(headers["grpc-status"]).toBe(String(Code.Unauthenticated));
    session.destroy();
  });

  it("keeps the server from starting when its port is taken, and leaves the other one free", async () => {
    await using server = await startServer();
    const free = createServer().listen(0, "127.0.0.1");
    await once(free, "listening");
    const { port } = present(free.address() as AddressInfo);
    free.close();
    const grpcPort = Number(new URL(present(server.grpcUrl)).port);
    await expect(startServer({ port, grpcPort })).rejects.toThrow("EADDRINUSE");
    await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow("fetch failed");
  });

  it.each([-1, 65_536, 1.5, Number.NaN])("is refused at port %d", async (grpcPort) => {
    await expect(startServer({ grpcPort })).rejects.toMatchObject({
      reason: "VALUE_INVALID",
      message: "grpcPort must be a whole number from 0 to 65535",
    });
  });

  it("is not there unless it is asked for", async () => {
    const server = await serve({ agents: [createDesk().agent], store: "memory:", port: 0 });
    expect(server.grpcUrl).toBeUndefined();
    await server.close();
  });
});
