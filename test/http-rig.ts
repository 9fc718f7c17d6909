import { once } from "node:events";
import * as http from "node:http";
import * as http2 from "node:http2";
import { setTimeout } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { ConnectError, type ServiceImpl } from "@connectrpc/connect";
import { encodeEnvelope } from "@connectrpc/connect/protocol";
import { endStreamFlag, endStreamFromJson, errorFromJsonBytes } from "@connectrpc/connect/protocol-connect";
import { findTrailerError } from "@connectrpc/connect/protocol-grpc";
import { trailerFlag, trailerParse } from "@connectrpc/connect/protocol-grpc-web";
import {
  AgentService,
  ErrorInfoSchema,
  type SubscribeTaskResponseSchema,
  TaskService,
} from "../src/proto.ts";
import { createErrorInterceptor } from "../src/server/error-interceptor.ts";
import { TaskError } from "../src/server/errors.ts";
import { createGrpcDoor } from "../src/server/http/grpc/index.ts";
import { type Address, createListener, type ListenerOptions } from "../src/server/http/index.ts";
import { createValidationInterceptor } from "../src/server/validation/index.ts";

/** How many bytes an answer of the task `heavy` has, and a few more. */
export const heavy = 8 * 1024 * 1024;

/** A listener and a gRPC door on free ports of this machine, before a TaskService whose answers depend on the task's id. */
export interface Rig extends AsyncDisposable {
  address: Address;
  door: Address;
  /** Closes both. */
  close(deadline: number): Promise<void>;
  shutdown: AbortController;
  /** The defects that were reported, by their ids. */
  defects: Map<string, unknown>;
  /** Resolves when so many subscriptions were under way at once. */
  subscribed(count: number): Promise<void>;
  /** Resolves when no subscription is under way. */
  unsubscribed(): Promise<void>;
}

export async function startRig(options: Partial<ListenerOptions> = {}): Promise<Rig> {
  const shutdown = new AbortController();
  const defects = new Map<string, unknown>();
  const report = (error: unknown, id: string) => void defects.set(id, error);
  const newId = () => `defect-${defects.size + 1}`;
  const subscriptions = createCount();
  const both: ListenerOptions = {
    routes: (router) =>
      router
        .service(TaskService, scriptedTasks(shutdown.signal, subscriptions))
        .service(AgentService, { listAgents: () => ({}) }),
    interceptors: [createErrorInterceptor(report, newId), createValidationInterceptor()],
    host: "127.0.0.1",
    port: 0,
    shutdown,
    report,
    newId,
    ...options,
  };
  const listener = createListener(both);
  const door = createGrpcDoor(both);
  const close = async (deadline: number) => {
    await Promise.all([listener.close(deadline), door.close(deadline)]);
  };
  return {
    address: await listener.listen(),
    door: await door.listen(),
    close,
    shutdown,
    defects,
    subscribed: (count) => subscriptions.until((now) => now >= count),
    unsubscribed: () => subscriptions.until((now) => now === 0),
    [Symbol.asyncDispose]: () => close(0),
  };
}

/**
 * A task answers as its id says: `ok`, `heavy`, `missing`, `defect`, `unserializable`, `deadline` (waits to be aborted). A
 * subscription sends one heartbeat and then `ok` ends, `endless` waits until the server stops, others do as above;
 * `flood` sends as fast as it is read.
 */
function scriptedTasks(
  stopping: AbortSignal,
  subscriptions: Count,
): Partial<ServiceImpl<typeof TaskService>> {
  function act(taskId: string): void {
    if (taskId === "missing") {
      throw new TaskError("TASK_NOT_FOUND", "there is no such task", {
        resource: { type: "task", name: taskId },
      });
    }
    if (taskId === "defect") throw new Error("select * from secrets");
  }
  return {
    async getTask({ key }, { signal }) {
      // Longer than the shortest timer.
      if (key.value === "patient") await setTimeout(2, undefined, { signal });
      return { task: { id: key.value ?? "", ...(key.value === "heavy" && { name: "x".repeat(heavy) }) } };
    },
    async sendEvent({ taskId }, { signal }) {
      act(taskId);
      if (taskId === "deadline") await aborted(signal);
      // JSON knows no such year.
      const createTime = { seconds: taskId === "unserializable" ? 10n ** 15n : 0n, nanos: 0 };
      return { event: { id: taskId, createTime } };
    },
    async *subscribeTask(
      { taskId },
      { signal },
    ): AsyncGenerator<MessageInitShape<typeof SubscribeTaskResponseSchema>> {
      subscriptions.add(1);
      try {
        yield { update: { sequence: 1n, entry: { case: "heartbeat", value: {} } } };
        act(taskId);
        if (taskId === "deadline") await aborted(signal);
        if (taskId === "endless") await aborted(AbortSignal.any([signal, stopping]));
        while (taskId === "flood")
          yield { update: { entry: { case: "task", value: { name: "x".repeat(65536) } } } };
      } finally {
        subscriptions.add(-1);
      }
    },
  };
}

async function aborted(signal: AbortSignal): Promise<never> {
  if (!signal.aborted) await once(signal, "abort");
  throw signal.reason;
}

interface Count {
  add(change: number): void;
  until(condition: (now: number) => boolean): Promise<void>;
}

function createCount(): Count {
  let now = 0;
  const waiting = new Set<() => void>();
  return {
    add(change) {
      now += change;
      for (const check of [...waiting]) check();
    },
    until: (condition) =>
      new Promise((resolve) => {
        const check = () => {
          if (!condition(now)) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      }),
  };
}

export interface RawRequest {
  httpVersion: 1 | 2;
  path: string;
  method?: string;
  headers?: Record<string, string>;
  body?: Uint8Array | string;
}

export interface RawResponse {
  status: number;
  headers: Headers;
  body: Buffer;
  trailers: Headers;
}

/** Sends a request as it stands, over HTTP/1.1 or HTTP/2. */
export async function send(address: Pick<Address, "url">, request: RawRequest): Promise<RawResponse> {
  return request.httpVersion === 1 ? sendHttp1(address, request) : sendHttp2(address, request);
}

async function sendHttp1(
  { url }: Pick<Address, "url">,
  { path, method = "POST", headers = {}, body }: RawRequest,
): Promise<RawResponse> {
  const request = http.request(`${url}${path}`, { method, headers, agent: false });
  const answered = once(request, "response");
  request.end(body);
  const [response]: http.IncomingMessage[] = await answered;
  if (response === undefined) throw new Error("no response");
  // What was answered before it was read may be cut off.
  request.on("error", () => {});
  const chunks = await response.toArray();
  return {
    status: response.statusCode ?? 0,
    headers: webHeaders(response.headers),
    body: Buffer.concat(chunks),
    trailers: webHeaders(response.trailers),
  };
}

async function sendHttp2(
  { url }: Pick<Address, "url">,
  { path, method = "POST", headers = {}, body }: RawRequest,
): Promise<RawResponse> {
  const session = http2.connect(url);
  try {
    const stream = session.request({ ...headers, ":method": method, ":path": path });
    let received: http2.IncomingHttpHeaders = {};
    let trailers: http2.IncomingHttpHeaders = {};
    stream.once("response", (head) => {
      received = head;
    });
    stream.once("trailers", (tail: http2.IncomingHttpHeaders) => {
      trailers = tail;
    });
    stream.end(body);
    const chunks = await stream.toArray();
    return {
      status: Number(received[":status"]),
      headers: webHeaders(received),
      body: Buffer.concat(chunks),
      trailers: webHeaders(trailers),
    };
  } finally {
    session.close();
  }
}

function webHeaders(headers: http.IncomingHttpHeaders): Headers {
  return new Headers(
    Object.entries(headers).flatMap(([name, value]) =>
      name.startsWith(":") || value === undefined ? [] : [[name, String(value)] as [string, string]],
    ),
  );
}

/** One way in which a request may be encoded, and how its error is read. */
export interface Format {
  contentType: string;
  /** Whether requests are in envelopes. */
  enveloped: boolean;
  json: boolean;
  timeoutHeader: string;
  encodingHeader: string;
  errorOf(response: RawResponse): ConnectError | undefined;
}

const unary = (json: boolean): Format => ({
  contentType: json ? "application/json" : "application/proto",
  enveloped: false,
  json,
  timeoutHeader: "connect-timeout-ms",
  encodingHeader: "content-encoding",
  errorOf: ({ status, body, headers }) =>
    status === 200
      ? undefined
      : errorFromJsonBytes(
          headers.get("content-encoding") === "gzip" ? gunzipSync(body) : body,
          undefined,
          new ConnectError("?"),
        ),
});
const stream = (json: boolean): Format => ({
  contentType: `application/connect+${json ? "json" : "proto"}`,
  enveloped: true,
  json,
  timeoutHeader: "connect-timeout-ms",
  encodingHeader: "connect-content-encoding",
  errorOf: ({ body }) => endStreamFromJson(lastEnvelope(body, endStreamFlag)).error,
});
const grpc = (json: boolean): Format => ({
  contentType: `application/grpc+${json ? "json" : "proto"}`,
  enveloped: true,
  json,
  timeoutHeader: "grpc-timeout",
  encodingHeader: "grpc-encoding",
  errorOf: ({ headers, trailers }) => findTrailerError(headers.has("grpc-status") ? headers : trailers),
});
const grpcWeb = (json: boolean): Format => ({
  ...grpc(json),
  contentType: `application/grpc-web+${json ? "json" : "proto"}`,
  errorOf: ({ headers, body }) =>
    findTrailerError(headers.has("grpc-status") ? headers : trailerParse(lastEnvelope(body, trailerFlag))),
});

/** The format that the gRPC door takes. */
export const doorFormat = grpc(false);

/** The formats in which a unary RPC, and a streaming one, may be called. */
export const unaryFormats = [
  unary(true),
  unary(false),
  grpc(true),
  grpc(false),
  grpcWeb(true),
  grpcWeb(false),
];
export const streamFormats = [
  stream(true),
  stream(false),
  grpc(true),
  grpc(false),
  grpcWeb(true),
  grpcWeb(false),
];

function lastEnvelope(body: Buffer, flag: number): Uint8Array {
  for (let at = 0; at < body.length; ) {
    const flags = body.readUInt8(at);
    const end = at + 5 + body.readUInt32BE(at + 1);
    const data = body.subarray(at + 5, end);
    if ((flags & flag) !== 0) return (flags & 1) !== 0 ? gunzipSync(data) : data;
    at = end;
  }
  throw new Error(`no envelope with flag ${flag} in ${body.length} bytes`);
}

/** Puts a message into an envelope if the format has them. */
export function frame({ enveloped }: Format, data: Uint8Array, flags = 0): Uint8Array {
  return enveloped ? encodeEnvelope(flags, data) : data;
}

/** Gives the reason of an error, which must have exactly one ErrorInfo, of our domain. */
export function reasonOf(error: ConnectError | undefined): string | undefined {
  const infos = error?.findDetails(ErrorInfoSchema) ?? [];
  const [info] = infos;
  if (infos.length > 1) throw new Error("more than one ErrorInfo");
  return info?.domain === "pigeonhole" ? info.reason : undefined;
}
