import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { ConnectError, ConnectRouter, MethodImplSpec } from "@connectrpc/connect";
import { compressionNegotiate, createAsyncIterable } from "@connectrpc/connect/protocol";
import { parseTimeout } from "@connectrpc/connect/protocol-grpc";
import { compressionGzip } from "@connectrpc/connect-node";
import { Server } from "@grpc/grpc-js";
import type { AuthenticateRequest } from "../../auth/index.ts";
import { TaskError } from "../../errors.ts";
import type { Limits, OnLimit } from "../../limits.ts";
import { type BodyShare, createBodyBudget } from "../body-budget.ts";
import type { Admit } from "../dispatch.ts";
import { type OnRefused, tellRefused } from "../error-info.ts";
import { abortWhenGone, dropRestWhenAnswered, type OnStream } from "../http2-server.ts";
import { readRequest } from "../read-request.ts";
import { tooMuchInHand } from "../request-body.ts";
import { methodSpecs, pathOf } from "./method-specs.ts";
import { createOpenCalls, type OpenCall } from "./open-calls.ts";
import { statusHeaders, withErrorInfo } from "./own-errors.ts";
import { type MethodOptions, registerMethod } from "./register-method.ts";
import { streamListener } from "./stream-listener.ts";

export interface GrpcStreamsOptions extends Omit<MethodOptions, "readMaxBytes" | "onRefused"> {
  /** Registers the services. */
  routes: (router: ConnectRouter) => void;
  limits: Limits;
  /** Is told of what is refused or cut off for a limit. */
  onLimit: OnLimit;
  /** Finds out who calls before anything of the request is kept, or throws. Default: nobody is asked. */
  authenticate?: AuthenticateRequest;
  /** Decides which requests are refused before anything is spent on them. */
  admit?: Admit;
  /** Is told of calls that do not come to the interceptors. */
  onRefused?: OnRefused;
}

/** The latest deadline that a timer can keep, in ms from now: 24 days. A later one is as good as none. */
const maxTimeout = 2 ** 31 - 1;
/** What Content-Type protobuf's binary has. */
const binaryTypes = /^application\/grpc(\+proto)?\s*(;|$)/;
const noBody = createAsyncIterable<Uint8Array>([]);

/** Makes the function that takes gRPC's streams to grpc-js, which reads and writes the messages of services, and all others elsewhere. */
export function takeGrpcStreams(options: GrpcStreamsOptions, others: OnStream): OnStream {
  const { convertError, authenticate, admit, onRefused = () => {}, limits, onLimit } = options;
  const { requestTimeout, maxMessageBytes: readMaxBytes } = limits;
  const server = new Server({
    "grpc.max_receive_message_length": readMaxBytes,
    "grpc.enable_channelz": 0,
  });
  const calls = createOpenCalls(requestTimeout, ({ stream, refuse }) => {
    onLimit("request_timeout");
    refuse(new TaskError("DEADLINE_EXCEEDED", `the request did not arrive within ${requestTimeout} ms`));
    stream.close(constants.NGHTTP2_NO_ERROR);
  });
  const bodies = createBodyBudget(limits.maxBodyBytes, onLimit);
  const specs = new Map<string, MethodImplSpec>();
  for (const spec of methodSpecs(options.routes)) {
    registerMethod(server, spec, calls, { ...options, onRefused, readMaxBytes });
    specs.set(pathOf(spec), spec);
  }
  const take = streamListener(server);

  /** Finds what is wrong with a request before any of its messages is read: the same as the other door would. */
  function wrongWith(headers: IncomingHttpHeaders): unknown {
    const {
      ":path": path = "",
      ":method": method,
      "content-type": type = "",
      "grpc-encoding": encoding,
    } = headers;
    if (!specs.has(path)) return new TaskError("METHOD_UNKNOWN", `there is no method ${path.slice(0, 256)}`);
    if (method !== "POST" || !binaryTypes.test(type)) {
      const message = `the gRPC door does not take HTTP ${method} with Content-Type ${JSON.stringify(type)}`;
      return new TaskError("METHOD_UNKNOWN", message);
    }
    if (encoding === undefined) return undefined;
    return compressionNegotiate([compressionGzip], String(encoding), null, "grpc-encoding").error;
  }

  /** Counts what grpc-js keeps of a request until the call is over. Refuses a request that there is no room for. */
  function countBody({ stream, refuse }: OpenCall, share: BodyShare): void {
    stream.once("close", share.close);
    stream.on("data", (chunk: Uint8Array) => {
      if (share.take(chunk.byteLength)) return;
      // grpc-js is to keep no more of it. What still comes is dropped, and the stream not reset: that would overtake the answer.
      stream.removeAllListeners("data");
      refuse(tooMuchInHand());
    });
  }

  return (stream, headers, scene) => {
    if (headers["content-type"]?.startsWith("application/grpc") !== true)
      return others(stream, headers, scene);
    const { "grpc-timeout": given } = headers;
    const timeout = given === undefined ? {} : parseTimeout(String(given), Number.MAX_SAFE_INTEGER);
    const wrong = wrongWith(headers) ?? timeout.error;
    dropRestWhenAnswered(stream, requestTimeout);
    const controller = abortWhenGone(stream, scene.guard);
    const { ":method": method, ":path": path = "" } = headers;
    const head = { httpVersion: "2.0", method, path, headers, connection: scene.connection };
    const request = readRequest(head, noBody, controller.signal);
    const spec = specs.get(path);
    const convert =
      spec === undefined ? convertError : tellRefused(convertError, onRefused, spec.method, request);
    const refuse = (error: unknown) => answerWith(stream, convert(error));
    if (wrong !== undefined) return refuse(wrong);
    withErrorInfo(stream, convert);
    const refused = admit?.(request, spec?.kind === "unary");
    if (refused !== undefined) return void refused.catch(refuse);
    const { timeoutMs = maxTimeout } = timeout;
    const begun = Date.now();
    const deadline = timeoutMs < maxTimeout ? begun + timeoutMs : undefined;
    const begin = () => {
      // Its caller may have gone while it was found out who that is.
      if (stream.destroyed || stream.closed) return;
      const call = { stream, request, controller, begun, deadline, refuse };
      countBody(call, bodies());
      take(stream, calls.add(call, headers));
    };
    if (authenticate === undefined || spec === undefined) return begin();
    authenticate(request, spec.method).then(begin).catch(refuse);
  };
}

/** Answers with nothing but an error. */
function answerWith(stream: ServerHttp2Stream, error: ConnectError): void {
  if (stream.destroyed || stream.headersSent) return;
  stream.respond(
    { ":status": 200, "content-type": "application/grpc+proto", ...statusHeaders(error) },
    { endStream: true },
  );
  stream.resume();
}
