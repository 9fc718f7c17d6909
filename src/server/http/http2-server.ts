import {
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import { callerGone } from "../errors.ts";
import type { Limits, OnLimit } from "../limits.ts";
import type { Millis } from "../store/records.ts";
import type { AnswerBudget } from "./answer-budget.ts";
import type { BodyBudget } from "./body-budget.ts";
import type { Connection, DescribeConnection } from "./connection.ts";
import { dropBody } from "./drop-body.ts";
import { createRequestBody } from "./request-body.ts";
import type { Serve } from "./serve.ts";
import { guardSession, type SessionGuard } from "./session-guard.ts";
import { keepSessionsForTheirStreams } from "./session-lifetime.ts";
import { plain, type ResponseSink, untilRead } from "./write-response.ts";

/** The most megabytes that Node may hold for one connection, a few kilobytes per stream among them. */
const maxSessionMemory = 128;
/** How much of one request, and of all of one connection, may be under way unread. */
const streamWindow = 256 * 1024;
const connectionWindow = 1024 * 1024;

/** About how many streams can be begun and reset in what is read from a socket at once, 64 KiB. */
const resetsInOnePiece = 4_000;

/** What a stream's connection is known by. */
export interface StreamScene {
  connection: Connection;
  guard: SessionGuard;
}

/** Takes a stream, that is, one request with the way back. */
export type OnStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, scene: StreamScene) => void;

/** Makes a server of HTTP/2 that is given its connections, with `emit("connection", socket)`, be they over TLS or not. */
export function createHttp2Server(
  onStream: OnStream,
  describe: DescribeConnection,
  limits: Limits,
  answers: AnswerBudget,
  onLimit: OnLimit,
): Http2Server {
  const { maxStreams, maxHeaderBytes, resetRate } = limits;
  const server = createServer({
    settings: {
      maxConcurrentStreams: maxStreams,
      initialWindowSize: streamWindow,
      maxHeaderListSize: maxHeaderBytes,
      enablePush: false,
    },
    maxSessionMemory,
    // The guard counts resets: a client that drops all its subscriptions at once is no attack, as Node would take it for at 1,000. This
    // is for what comes in one piece, before the guard has heard of it.
    streamResetBurst: 2 * maxStreams + resetsInOnePiece,
    streamResetRate: 2 * resetRate,
  });
  keepSessionsForTheirStreams(server);
  server.on("session", (session) => {
    session.setLocalWindowSize(connectionWindow);
    const connection = describe(session.socket);
    // It takes no more streams then, and ends with those that it has.
    connection.peer?.revoked?.addEventListener("abort", () => session.close());
    const guard = guardSession(session, limits, answers, onLimit);
    session.on("stream", (stream, headers, _flags, rawHeaders) => {
      if (sizeOf(rawHeaders) > maxHeaderBytes) {
        onLimit("header_bytes");
        return refuseHeaders(stream);
      }
      onStream(stream, headers, { connection, guard });
    });
  });
  // A broken connection is its own end: its streams are told by their "close".
  server.on("sessionError", (error) => {
    if (isFlood(error)) onLimit("http2_frames");
  });
  return server;
}

/** Whether nghttp2 or Node has given a connection up that keeps it busy with frames, rather than one that broke. */
function isFlood(error: unknown): boolean {
  if (!(error instanceof Error) || !("code" in error)) return false;
  return error.code === "ERR_HTTP2_ERROR" || error.code === "ERR_HTTP2_TOO_MANY_INVALID_FRAMES";
}

/** Counts headers as HTTP/2 does for its setting (RFC 9113, 6.5.2), which nghttp2 tells clients of and does not hold them to. */
function sizeOf(rawHeaders: readonly string[]): number {
  let size = 16 * rawHeaders.length;
  for (const text of rawHeaders) size += text.length;
  return size;
}

function refuseHeaders(stream: ServerHttp2Stream): void {
  stream.on("error", () => {});
  // Its reset may have come in one piece with it.
  if (stream.destroyed || stream.closed) return;
  stream.respond({ ":status": 431 }, { endStream: true });
  stream.close(constants.NGHTTP2_NO_ERROR);
}

export interface ServeStreams {
  limits: Limits;
  bodies: BodyBudget;
  onLimit: OnLimit;
}

/** Takes streams to `serve`. */
export function serveStreams(serve: Serve, { limits, bodies, onLimit }: ServeStreams): OnStream {
  const { requestTimeout, idleTimeout } = limits;
  const onTimeout = () => onLimit("request_timeout");
  return (stream, headers, { connection, guard }) => {
    const head = {
      httpVersion: "2.0",
      method: headers[":method"],
      path: headers[":path"],
      headers,
      connection,
    };
    const { signal } = abortWhenGone(stream, guard);
    dropRestWhenAnswered(stream, requestTimeout);
    const share = bodies();
    stream.once("close", share.close);
    const body = createRequestBody(stream, { timeout: requestTimeout, onTimeout, share });
    serve(
      head,
      body,
      signal,
      createSink(stream, guard, () => untilRead(stream, idleTimeout, onLimit)),
    );
  };
}

/** Sees to it that a stream whose request was answered before it was read comes to its end. */
export function dropRestWhenAnswered(stream: ServerHttp2Stream, requestTimeout: Millis): void {
  stream.on("finish", () => {
    if (!stream.readableEnded) dropRest(stream, requestTimeout);
  });
}

/**
 * Reads and drops what was refused unread. Not reset at once: that would overtake the trailers, and the error in them.
 * A caller that reads its answer stops sending by itself.
 */
function dropRest(stream: ServerHttp2Stream, requestTimeout: number): void {
  const timer = setTimeout(() => stream.close(constants.NGHTTP2_NO_ERROR), requestTimeout).unref();
  stream.once("close", () => clearTimeout(timer));
  dropBody(stream);
}

/** Makes what is aborted when the caller of a stream goes away. */
export function abortWhenGone(stream: ServerHttp2Stream, guard: SessionGuard): AbortController {
  const controller = new AbortController();
  // Without a listener, the caller's hanging up would be an uncaught error.
  stream.on("error", () => {});
  const abort = () => controller.abort(callerGone());
  stream.on("aborted", abort);
  // A request and its end may come in one piece: then the stream is aborted before anybody hears of it.
  if (stream.aborted) abort();
  stream.on("close", () => {
    guard.closed(stream);
    if (stream.rstCode === constants.NGHTTP2_CANCEL) guard.reset();
  });
  return controller;
}

function createSink(
  stream: ServerHttp2Stream,
  guard: SessionGuard,
  drain: () => Promise<void>,
): ResponseSink {
  return {
    isClosed: () => stream.closed || stream.destroyed,
    hold: (bytes) => guard.holds(stream, bytes),
    begin(status, header, trailer, isWhole) {
      guard.wrote();
      const waitForTrailers = trailer !== undefined;
      stream.respond({ ":status": status, ...header }, { waitForTrailers, endStream: isWhole });
      // Asked for after the last piece, when the body has said all that it has to say.
      if (trailer !== undefined) stream.once("wantTrailers", () => stream.sendTrailers(plain(trailer)));
    },
    write(chunk) {
      guard.wrote();
      return stream.write(chunk);
    },
    drain,
    end(chunk) {
      if (stream.writableEnded) return;
      stream.end(chunk);
      guard.answered(stream);
    },
    breakOff: () => stream.close(constants.NGHTTP2_INTERNAL_ERROR),
  };
}
