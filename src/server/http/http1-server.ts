import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { callerGone } from "../errors.ts";
import type { LimitName, Limits, OnLimit } from "../limits.ts";
import type { AnswerBudget, UnreadAnswers } from "./answer-budget.ts";
import type { BodyBudget } from "./body-budget.ts";
import type { Connection, DescribeConnection } from "./connection.ts";
import { dropBody } from "./drop-body.ts";
import { createRequestBody } from "./request-body.ts";
import type { Serve } from "./serve.ts";
import { cutOffUnreadEnd, plain, type ResponseSink, untilRead } from "./write-response.ts";

/** How long a connection may be idle between two requests. */
const keepAliveTimeout = 65_000;

/** A server of HTTP/1.1 that is given its connections. */
export interface Http1Server {
  /** Takes a connection with `emit("connection", socket)`. */
  server: Server;
  /** Closes the connections on which no request is under way: one of which only a part has come is none. */
  close(): void;
}

/**
 * Makes a server of HTTP/1.1 that is given its connections, with `emit("connection", socket)`.
 *
 * While `isClosing` it takes a connection's last request: the response says so and the connection is closed after it.
 */
export function createHttp1Server(
  serve: Serve,
  describe: DescribeConnection,
  isClosing: () => boolean,
  limits: Limits,
  bodies: BodyBudget,
  answers: AnswerBudget,
  onLimit: OnLimit,
): Http1Server {
  const { headersTimeout, requestTimeout, idleTimeout, maxHeaderBytes } = limits;
  const connections = new WeakMap<Socket, { connection: Connection; unread: UnreadAnswers }>();
  /** How many requests are under way on each connection. */
  const underWay = new Map<Socket, number>();
  const server = createServer(
    {
      headersTimeout: Math.min(headersTimeout, requestTimeout),
      requestTimeout,
      keepAliveTimeout: Math.min(keepAliveTimeout, idleTimeout),
      connectionsCheckingInterval: Math.min(2_000, headersTimeout, requestTimeout),
      maxHeaderSize: maxHeaderBytes,
    },
    (request, response) => {
      const { httpVersion, method, url: path, headers, socket } = request;
      const known = connections.get(socket) ?? {
        connection: describe(socket),
        unread: answers(() => socket.destroy()),
      };
      connections.set(socket, known);
      const { connection, unread } = known;
      underWay.set(socket, (underWay.get(socket) ?? 0) + 1);
      const signal = abortWhenGone(request, response);
      const revoked = connection.peer?.revoked;
      if (isClosing() || revoked?.aborted) response.shouldKeepAlive = false;
      response.once("close", () => {
        // What was refused unread is read and dropped, so that the caller comes to read the answer.
        if (!request.readableEnded) dropBody(request);
        const others = (underWay.get(socket) ?? 1) - 1;
        if (underWay.has(socket)) underWay.set(socket, others);
        if (revoked?.aborted || (isClosing() && others === 0)) socket.destroySoon();
      });
      const share = bodies();
      response.once("close", share.close);
      const onTimeout = () => onLimit("request_timeout");
      const body = createRequestBody(request, { timeout: requestTimeout, onTimeout, share });
      const sink = createSink(
        response,
        unread,
        () => untilRead(response, idleTimeout, onLimit),
        () => cutOffUnreadEnd(response, idleTimeout, onLimit),
      );
      serve({ httpVersion, method, path, headers, connection }, body, signal, sink);
    },
  );
  server.on("connection", (socket: Socket) => {
    underWay.set(socket, 0);
    socket.once("close", () => underWay.delete(socket));
  });
  server.on("clientError", (error, socket: Socket) => {
    // Node has one word for headers that are late, and for a body that is.
    const late = underWay.get(socket) ? "request_timeout" : "headers_timeout";
    refuse(error, socket, late, onLimit);
  });
  // It checks its timeouts only once it listens, and here the port is another's.
  server.emit("listening");
  return {
    server,
    close() {
      server.close();
      for (const [socket, requests] of underWay) if (requests === 0) socket.destroy();
    },
  };
}

function abortWhenGone(request: IncomingMessage, response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  // Without a listener, the caller's hanging up would be an uncaught error.
  request.on("error", () => {});
  response.on("error", () => {});
  response.once("close", () => {
    if (!response.writableEnded) controller.abort(callerGone());
  });
  return controller.signal;
}

/** Answers what is no request of HTTP/1.1, is one with too much in its head, or does not come to its end. */
function refuse(error: Error & { code?: string }, socket: Duplex, late: LimitName, onLimit: OnLimit): void {
  const status = clientErrors[error.code ?? ""] ?? "400 Bad Request";
  if (error.code === "HPE_HEADER_OVERFLOW") onLimit("header_bytes");
  if (error.code === "ERR_HTTP_REQUEST_TIMEOUT") onLimit(late);
  // After the first byte of a response, another would be taken for a part of it.
  const isUnanswered = socket instanceof Socket && socket.writable && socket.bytesWritten === 0;
  if (isUnanswered) socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  else socket.destroy();
}

const clientErrors: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: "431 Request Header Fields Too Large",
  ERR_HTTP_REQUEST_TIMEOUT: "408 Request Timeout",
  HPE_CHUNK_EXTENSIONS_OVERFLOW: "413 Content Too Large",
};

function createSink(
  response: ServerResponse,
  unread: UnreadAnswers,
  whenRead: () => Promise<void>,
  watchEnd: () => void,
): ResponseSink {
  // One that waits behind another has no socket yet, and nobody to read it.
  const isQueued = () => response.socket === null;
  return {
    isClosed: () => response.destroyed,
    hold(bytes) {
      if (response.destroyed) return;
      unread.hold(bytes);
      response.once("close", () => unread.release(bytes));
    },
    begin: (status, header) => response.writeHead(status, header),
    write: (chunk) => response.write(chunk),
    drain() {
      if (!isQueued()) return whenRead();
      return new Promise((resolve) => {
        response.once("socket", () => resolve(whenRead()));
        response.once("close", resolve);
      });
    },
    end(chunk, trailer) {
      if (trailer !== undefined) response.addTrailers(plain(trailer));
      response.end(chunk);
      if (isQueued()) response.once("socket", watchEnd);
      else if (response.writableLength > 0) watchEnd();
    },
    breakOff: () => response.destroy(),
  };
}
