import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { ConnectError, ConnectRouter, MethodImplSpec } from "@connectrpc/connect";
import { compressionNegotiate, createAsyncIterable } from "@connectrpc/connect/protocol";
import { parseTimeout } from "@connectrpc/connect/protocol-grpc";
import { compressionGzip } from "@connectrpc/connect-node";
import { Server } from "@grpc/grpc-js";
import type { AuthenticateRequest } from "../../auth/index.ts";
import { callerGone, TaskError } from "../../errors.ts";
import type { Limits, OnLimit } from "../../limits.ts";
import { type BodyShare, createBodyBudget } from "../body-budget.ts";
import type { Admit } from "../dispatch.ts";
import { type ConvertError, type OnRefused, tellRefused } from "../error-info.ts";
import { maxTimeout } from "../far-deadlines.ts";
import { abortWhenGone, dropRestWhenAnswered, type OnStream } from "../http2-server.ts";
import { readRequest } from "../read-request.ts";
import { tooMuchInHand } from "../request-body.ts";
import { methodSpecs, pathOf } from "./method-specs.ts";
import { createOpenCalls, type OpenCall } from "./open-calls.ts";
import { statusHeaders, withErrorInfo } from "./own-errors.ts";
import { type MethodOptions, registerMethod } from "./register-method.ts";
import { streamListener } from "./stream-listener.ts";

export interface GrpcStreamsOptions extends Pick<MethodOptions, "interceptors"> {
  /** Registers the services. */
  routes: (router: ConnectRouter) => void;
  limits: Limits;
  /** Is told of what is refused or cut off for a limit. */
  onLimit: OnLimit;
  /** Finds out who calls before anything of the request is kept, or throws. Default: nobody is asked. */
  authenticate?: AuthenticateRequest;
  /** Decides which requests are refused before anything is spent on them. */
  admit?: Admit;
  /** Makes the error that goes over the wire. */
  convertError: ConvertError;
  /** Is told of calls that do not come to the interceptors. */
  onRefused?: OnRefused;
}

/** What Content-Type protobuf's binary has. */
const binaryTypes = /^application\/grpc(\+proto)?\s*(;|$)/;
const noBody = createAsyncIterable<Uint8Array>([]);

/** Makes the function that takes gRPC's streams to grpc-js, which reads and writes the messages of services, and all others elsewhere. */
export function takeGrpcStreams(options: GrpcStreamsOptions, others: OnStream): OnStream {
  const { convertError, authenticate, admit, interceptors, limits, onLimit } = options;
  const { requestTimeout, idleTimeout, maxMessageBytes: readMaxBytes } = limits;
  const server = new Server({
    "grpc.max_receive_message_length": readMaxBytes,
    "grpc.enable_channelz": 0,
  });
  const convertRefusal = tellRefused(convertError, options.onRefused);
  const calls = createOpenCalls(requestTimeout, (call) => {
    onLimit("request_timeout");
    refuse(
      call,
      new TaskError("DEADLINE_EXCEEDED", `the request did not arrive within ${requestTimeout} ms`),
    );
    call.stream.close(constants.NGHTTP2_NO_ERROR);
  });
  const bodies = createBodyBudget(limits.maxBodyBytes, onLimit);
  const specs = new Map<string, MethodImplSpec>();
  for (const spec of methodSpecs(options.routes)) {
    registerMethod(server, spec, calls, {
      interceptors,
      readMaxBytes,
      idleTimeout,
      onLimit,
      convertRefusal,
    });
    specs.set(pathOf(spec), spec);
  }
  const take = streamListener(server);

  /** Answers a call with nothing but an error, if nothing was answered yet. */
  function refuse({ stream, method, request }: OpenCall, error: unknown): void {
    answerWith(stream, convertRefusal(error, method, request));
  }

  /** Finds what is wrong with a request to a method before any of its messages is read: the same as the other door would. */
  function wrongWith(headers: IncomingHttpHeaders): unknown {
    const { ":method": method, "content-type": type = "", "grpc-encoding": encoding } = headers;
    if (method !== "POST" || !binaryTypes.test(type)) {
      const message = `the gRPC door does not take HTTP ${method} with Content-Type ${JSON.stringify(type)}`;
      return new TaskError("METHOD_UNKNOWN", message);
    }
    if (encoding === undefined) return undefined;
    return compressionNegotiate([compressionGzip], String(encoding), null, "grpc-encoding").error;
  }

  /** Counts what grpc-js keeps of a request until the call is over. Refuses a request that there is no room for. */
  function countBody(call: OpenCall, share: BodyShare): void {
    const { stream } = call;
    stream.once("close", share.close);
    stream.on("data", (chunk: Uint8Array) => {
      if (share.take(chunk.byteLength)) return;
      // grpc-js is to keep no more of it. What still comes is dropped, and the stream not reset: that would overtake the answer.
      stream.removeAllListeners("data");
      const error = tooMuchInHand();
      refuse(call, error);
      // What reads a stream of messages has begun, and has perhaps answered some: it ends with the same error.
      call.controller.abort(error);
    });
  }

  return (stream, headers, scene) => {
    if (headers["content-type"]?.startsWith("application/grpc") !== true)
      return others(stream, headers, scene);
    const { connection, guard } = scene;
    const { ":method": httpMethod, ":path": path = "", "grpc-timeout": given } = headers;
    dropRestWhenAnswered(stream, requestTimeout);
    const controller = abortWhenGone(stream, guard);
    const spec = specs.get(path);
    if (spec === undefined) {
      const unknown = new TaskError("METHOD_UNKNOWN", `there is no method ${path.slice(0, 256)}`);
      return answerWith(stream, convertError(unknown));
    }
    const timeout = given === undefined ? {} : parseTimeout(String(given), Number.MAX_SAFE_INTEGER);
    const { timeoutMs = maxTimeout } = timeout;
    const begun = Date.now();
    const deadline = timeoutMs < maxTimeout ? begun + timeoutMs : undefined;
    const head = { httpVersion: "2.0", method: httpMethod, path, headers, connection };
    const request = readRequest(head, noBody, controller.signal);
    const { method } = spec;
    const call: OpenCall = { stream, guard, method, request, controller, begun, deadline };
    const wrong = wrongWith(headers) ?? timeout.error;
    if (wrong !== undefined) return refuse(call, wrong);
    withErrorInfo(call, convertRefusal);
    const refused = admit?.(request, spec.kind === "unary", true);
    if (refused !== undefined) return void refused.catch((error: unknown) => refuse(call, error));
    if (authenticate === undefined) return begin(call, headers);
    authenticate(request, method)
      .then(() => begin(call, headers))
      .catch((error: unknown) => refuse(call, error));
  };

  function begin(call: OpenCall, headers: IncomingHttpHeaders): void {
    const { stream } = call;
    // Its caller may have gone while it was found out who that is.
    if (stream.destroyed || stream.closed) {
      refuse(call, callerGone());
      return;
    }
    countBody(call, bodies());
    take(stream, calls.add(call, headers));
  }
}

/** Answers with nothing but an error. */
function answerWith(stream: ServerHttp2Stream, error: ConnectError): void {
  if (stream.destroyed || stream.closed || stream.headersSent) return;
  stream.respond(
    { ":status": 200, "content-type": "application/grpc+proto", ...statusHeaders(error) },
    { endStream: true },
  );
  stream.resume();
}
