import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:http2";
import { create, type DescMethod, toBinary } from "@bufbuild/protobuf";
import {
  type CallOptions,
  Code,
  ConnectError,
  createClient,
  createContextValues,
  type Transport,
} from "@connectrpc/connect";
import { createAsyncIterable, encodeEnvelope } from "@connectrpc/connect/protocol";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { describe, expect, it } from "vitest";
import * as v1 from "../gen/grpc/reflection/v1/reflection_pb.js";
import * as v1alpha from "../gen/grpc/reflection/v1alpha/reflection_pb.js";
import { Health } from "../gen/health/v1/health_pb.js";
import {
  AgentService,
  EventWait,
  ScheduleService,
  TaskService,
  TokenService,
  WebhookService,
} from "../src/proto.ts";
import { createAuthInterceptor } from "../src/server/auth/auth-interceptor.ts";
import { operationServices } from "../src/server/operations.ts";
import { type AuthRig, startAuthRig } from "./auth-rig.ts";
import { reasonOf } from "./http-rig.ts";
import { createManualClock } from "./manual-clock.ts";
import { tempDir } from "./temp-dir.ts";
import { createAuthority } from "./tls-files.ts";

/** Opens a stream as one that goes on without an end, of which the caller says nothing more. */
type Open = (transport: Transport, taskId: string, options: CallOptions) => AsyncIterable<unknown>;

const silence = new Promise<never>(() => {});
async function* oneQuestion() {
  yield { messageRequest: { case: "listServices" as const, value: "" } };
  await silence;
}

/** Every method that streams and asks who calls. */
const streams: Record<string, Open> = {
  "pigeonhole.v1.TaskService.SubscribeTask": (transport, taskId, options) =>
    createClient(TaskService, transport).subscribeTask({ taskId }, options),
  "grpc.reflection.v1.ServerReflection.ServerReflectionInfo": (transport, _, options) =>
    createClient(v1.ServerReflection, transport).serverReflectionInfo(oneQuestion(), options),
  "grpc.reflection.v1alpha.ServerReflection.ServerReflectionInfo": (transport, _, options) =>
    createClient(v1alpha.ServerReflection, transport).serverReflectionInfo(oneQuestion(), options),
};

/** Opens each of them at both doors with a token, and waits until it has begun. Gives what each ends with. */
async function openAll(rig: AuthRig, secret: string): Promise<Promise<string>[]> {
  const { task } = await rig.with(secret).tasks.create({ agent: "clerk" });
  const headers = { authorization: `Bearer ${secret}` };
  const ends: Promise<string>[] = [];
  for (const baseUrl of [rig.url, rig.grpcUrl]) {
    for (const open of Object.values(streams)) {
      const messages = open(createGrpcTransport({ baseUrl }), task.id, { headers })[Symbol.asyncIterator]();
      await messages.next();
      ends.push(endOf(messages));
    }
  }
  return ends;
}

async function endOf(messages: AsyncIterator<unknown>): Promise<string> {
  try {
    while ((await messages.next()).done !== true);
    return "OK";
  } catch (error) {
    const ended = ConnectError.from(error);
    return `${Code[ended.code]} ${reasonOf(ended)}`;
  }
}

describe("every stream that asks who calls", () => {
  it("is one of these", () => {
    const own = [TaskService, AgentService, ScheduleService, TokenService, WebhookService];
    const methods: DescMethod[] = [...own, ...operationServices].flatMap((service) => service.methods);
    const found = methods.filter(({ methodKind, parent }) => methodKind !== "unary" && parent !== Health);
    expect(found.map(({ parent, name }) => `${parent.typeName}.${name}`)).toEqual(Object.keys(streams));
  });

  it("ends at once, with UNAUTHENTICATED, when its token is revoked", async () => {
    await using rig = await startAuthRig({ grpcPort: 0 });
    const { token, secret } = await rig.as.ops.tokens.create({ principal: "carol" });
    const ends = await openAll(rig, secret);
    await rig.as.ops.tokens.revoke(token.id);
    expect(new Set(await Promise.all(ends))).toEqual(new Set(["Unauthenticated CREDENTIALS_INVALID"]));
  });

  it("ends at once, with UNAUTHENTICATED, when its token expires", async () => {
    const clock = createManualClock();
    await using rig = await startAuthRig({ grpcPort: 0, clock });
    const { secret } = await rig.as.ops.tokens.create({ principal: "carol", ttl: 60_000 });
    const ends = await openAll(rig, secret);
    clock.advance(60_000);
    expect(new Set(await Promise.all(ends))).toEqual(new Set(["Unauthenticated CREDENTIALS_EXPIRED"]));
  });

  it("ends within a minute when the clock is set past its token's time", async () => {
    const clock = createManualClock();
    await using rig = await startAuthRig({ grpcPort: 0, clock });
    const ttl = 36_000_000;
    const { secret } = await rig.as.ops.tokens.create({ principal: "carol", ttl });
    const ends = await openAll(rig, secret);
    clock.set(clock.now() + ttl);
    clock.advance(60_000);
    expect(new Set(await Promise.all(ends))).toEqual(new Set(["Unauthenticated CREDENTIALS_EXPIRED"]));
  });

  it("ends so though its reader has not read yet what it was told before", async () => {
    await using rig = await startAuthRig({ grpcPort: 0 });
    const { token, secret } = await rig.as.ops.tokens.create({ principal: "carol" });
    const { tasks } = rig.with(secret);
    const { task } = await tasks.create({ agent: "clerk" });
    const text = "x".repeat(20_000);
    for (let sent = 0; sent < 10; sent += 1) await tasks.send(task.id, text, { wait: EventWait.PROCESSED });
    const ends = [rig.url, rig.grpcUrl].map(async (baseUrl) => {
      const { subscribeTask } = createClient(
        TaskService,
        createGrpcTransport({ baseUrl, acceptCompression: [] }),
      );
      const updates = subscribeTask({ taskId: task.id }, { headers: { authorization: `Bearer ${secret}` } })[
        Symbol.asyncIterator
      ]();
      await updates.next();
      return updates;
    });
    const begun = await Promise.all(ends);
    await rig.as.ops.tokens.revoke(token.id);
    for (const updates of begun) {
      let read = 1;
      const counted = {
        next() {
          read += 1;
          return updates.next();
        },
      };
      expect(await endOf(counted)).toBe("Unauthenticated CREDENTIALS_INVALID");
      expect(read).toBeLessThan(25);
    }
  });

  it("does not begin if its token was revoked between its headers and its body", async () => {
    await using rig = await startAuthRig({ grpcPort: 0 });
    for (const baseUrl of [rig.url, rig.grpcUrl]) {
      const { token, secret } = await rig.as.ops.tokens.create({ principal: "carol" });
      const { task } = await rig.with(secret).tasks.create({ agent: "clerk" });
      const session = connect(baseUrl);
      const stream = session.request({
        ":method": "POST",
        ":path": "/pigeonhole.v1.TaskService/SubscribeTask",
        "content-type": "application/grpc+proto",
        authorization: `Bearer ${secret}`,
      });
      // What comes back for a later frame shows that the headers have come.
      await new Promise((resolve) => session.ping(resolve));
      await rig.as.ops.tokens.revoke(token.id);
      const trailers = once(stream, "trailers").catch(() => []);
      const headers = once(stream, "response");
      const { input } = TaskService.method.subscribeTask;
      stream.end(encodeEnvelope(0, toBinary(input, create(input, { taskId: task.id }))));
      const [first] = await headers;
      const end = "grpc-status" in first ? first : (await trailers)[0];
      expect(end["grpc-status"]).toBe(String(Code.Unauthenticated));
      session.destroy();
    }
  });

  it("ends at once, with UNAUTHENTICATED, when its client certificate expires", async () => {
    const clock = createManualClock();
    const authority = createAuthority(tempDir());
    const names = "IP:127.0.0.1";
    const tls = { ...authority.issue("server", "/CN=server", names), clientCa: authority.cert };
    await using rig = await startAuthRig({ tls, clock });
    const { cert, key } = authority.issue("carol", "/CN=carol", names, 1);
    const nodeOptions = { ca: readFileSync(tls.clientCa), cert: readFileSync(cert), key: readFileSync(key) };
    const tasks = createClient(TaskService, createGrpcTransport({ baseUrl: rig.url, nodeOptions }));
    const { task } = await tasks.createTask({ agent: "clerk" });
    const messages = tasks.subscribeTask({ taskId: task?.id ?? "" })[Symbol.asyncIterator]();
    await messages.next();
    const end = endOf(messages);
    clock.advance(2 * 86_400_000);
    expect(await end).toBe("Unauthenticated CREDENTIALS_EXPIRED");
    await expect(tasks.listTasks({})).rejects.toMatchObject({ code: Code.Unauthenticated });
  });

  it("ends at once, with UNAUTHENTICATED, when its client certificate is revoked, and nobody is let in with that", async () => {
    const authority = createAuthority(tempDir());
    const names = "IP:127.0.0.1";
    const tls = {
      ...authority.issue("server", "/CN=server", names),
      clientCa: authority.cert,
      clientCrl: authority.revoke(),
    };
    await using rig = await startAuthRig({ tls, grpcPort: 0 });
    const { cert, key } = authority.issue("carol", "/CN=carol", names);
    const nodeOptions = { ca: readFileSync(tls.clientCa), cert: readFileSync(cert), key: readFileSync(key) };
    const ways = [
      createGrpcTransport({ baseUrl: rig.url, nodeOptions }),
      createGrpcTransport({ baseUrl: rig.grpcUrl, nodeOptions }),
      createConnectTransport({ baseUrl: rig.url, nodeOptions, httpVersion: "1.1" }),
    ];
    const ends = await Promise.all(
      ways.map(async (transport) => {
        const tasks = createClient(TaskService, transport);
        const { task } = await tasks.createTask({ agent: "clerk" });
        const messages = tasks.subscribeTask({ taskId: task?.id ?? "" })[Symbol.asyncIterator]();
        await messages.next();
        return { end: endOf(messages) };
      }),
    );
    authority.revoke(cert);
    await rig.reloadFiles();
    for (const { end } of ends) expect(await end).toBe("Unauthenticated CREDENTIALS_INVALID");
    for (const transport of ways)
      await expect(createClient(TaskService, transport).listTasks({})).rejects.toThrow();
  });

  it("is watched no longer than its call lasts, also if nobody begins to read it", async () => {
    const watched = new Set<unknown>();
    const intercept = createAuthInterceptor({
      authenticate: () => ({ principal: { id: "carol", role: "client" } }),
      onEnd(_, end) {
        watched.add(end);
        return () => watched.delete(end);
      },
    });
    const call = new AbortController();
    const method = TaskService.method.subscribeTask;
    const request = {
      ...{
        stream: true as const,
        service: TaskService,
        method,
        requestMethod: "POST",
        url: "http://localhost",
      },
      ...{ signal: call.signal, header: new Headers(), contextValues: createContextValues() },
      message: createAsyncIterable([create(method.input)]),
    };
    const answer = {
      ...request,
      trailer: new Headers(),
      message: createAsyncIterable([create(method.output)]),
    };
    await intercept(async () => answer)(request);
    expect(watched.size).toBe(1);
    call.abort();
    expect(watched.size).toBe(0);
  });
});
