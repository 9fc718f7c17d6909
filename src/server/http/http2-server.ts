import {
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import { TaskError } from "../errors.ts";
import { createRequestBody } from "./request-body.ts";
import type { Serve } from "./serve.ts";
import { plain, type ResponseSink, untilWritable } from "./write-response.ts";

/** How long a request may take to arrive. */
const requestTimeout = 60_000;
/** How long a connection may take to begin with its settings. */
const settingsTimeout = 10_000;
/** How long nothing at all may pass over a connection. A subscription has its heartbeats. */
const idleTimeout = 300_000;
/** How many calls one connection may have under way. A gateway puts the subscriptions of all its users on one. */
const maxConcurrentStreams = 10_000;
/** The most megabytes that Node may hold for one connection, a few kilobytes per stream among them. */
const maxSessionMemory = 128;
/** How much of one request, and of all of one connection, may be under way unread. */
const streamWindow = 256 * 1024;
const connectionWindow = 1024 * 1024;

/** Makes a server of HTTP/2 without TLS that is given its connections, with `emit("connection", socket)`. */
export function createHttp2Server(serve: Serve): Http2Server {
  const server = createServer({
    settings: {
      maxConcurrentStreams,
      initialWindowSize: streamWindow,
      maxHeaderListSize: 16_384,
      enablePush: false,
    },
    maxSessionMemory,
    // A client that drops all its subscriptions at once is no attack, as Node would take it for at 1,000.
    streamResetBurst: 2 * maxConcurrentStreams,
    streamResetRate: 1_000,
  });
  server.on("session", (session) => {
    session.setLocalWindowSize(connectionWindow);
    closeWhenIdle(session);
    session.on("stream", (stream, headers) => accept(stream, headers, serve));
  });
  // A broken connection is its own end: its streams are told by their "close".
  server.on("sessionError", () => {});
  return server;
}

function accept(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, serve: Serve): void {
  const head = { httpVersion: "2.0", method: headers[":method"], path: headers[":path"], headers };
  const signal = abortWhenGone(stream);
  stream.once("finish", () => {
    if (!stream.readableEnded) dropRest(stream);
  });
  serve(head, createRequestBody(stream, requestTimeout), signal, createSink(stream));
}

/**
 * Reads and drops what was refused unread. Not reset at once: that would overtake the trailers, and the error in them.
 * A caller that reads its answer stops sending by itself.
 */
function dropRest(stream: ServerHttp2Stream): void {
  const timer = setTimeout(() => stream.close(constants.NGHTTP2_NO_ERROR), requestTimeout).unref();
  stream.once("close", () => clearTimeout(timer));
  stream.resume();
}

function closeWhenIdle(session: ServerHttp2Session): void {
  const timer = setTimeout(() => session.destroy(), settingsTimeout).unref();
  session.once("remoteSettings", () => clearTimeout(timer));
  session.once("close", () => clearTimeout(timer));
  session.setTimeout(idleTimeout, () => session.close());
}

function abortWhenGone(stream: ServerHttp2Stream): AbortSignal {
  const controller = new AbortController();
  // Without a listener, the caller's hanging up would be an uncaught error.
  stream.on("error", () => {});
  stream.once("aborted", () => controller.abort(new TaskError("CALLER_GONE", "the caller went away")));
  return controller.signal;
}

function createSink(stream: ServerHttp2Stream): ResponseSink {
  return {
    isClosed: () => stream.closed || stream.destroyed,
    begin(status, header, trailer, isWhole) {
      const waitForTrailers = trailer !== undefined;
      stream.respond({ ":status": status, ...header }, { waitForTrailers, endStream: isWhole });
      // Asked for after the last piece, when the body has said all that it has to say.
      if (trailer !== undefined) stream.once("wantTrailers", () => stream.sendTrailers(plain(trailer)));
    },
    write: (chunk) => stream.write(chunk),
    drain: () => untilWritable(stream),
    end(chunk) {
      if (!stream.writableEnded) stream.end(chunk);
    },
    breakOff: () => stream.close(constants.NGHTTP2_INTERNAL_ERROR),
  };
}
