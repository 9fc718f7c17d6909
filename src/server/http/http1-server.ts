import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { TaskError } from "../errors.ts";
import { createRequestBody } from "./request-body.ts";
import type { Serve } from "./serve.ts";
import { plain, type ResponseSink, untilWritable } from "./write-response.ts";

/** How long the headers of a request may take, and so may a connection until its first request. */
const headersTimeout = 10_000;
/** How long a request may take to arrive. The response may take as long as it likes. */
const requestTimeout = 60_000;
/** How long a connection may be idle between two requests. */
const keepAliveTimeout = 65_000;

/**
 * Makes a server of HTTP/1.1 that is given its connections, with `emit("connection", socket)`.
 *
 * While `isClosing` it takes a connection's last request: the response says so and the connection is closed after it.
 */
export function createHttp1Server(serve: Serve, isClosing: () => boolean): Server {
  const server = createServer(
    {
      headersTimeout,
      requestTimeout,
      keepAliveTimeout,
      connectionsCheckingInterval: 2_000,
      maxHeaderSize: 16_384,
    },
    (request, response) => {
      const { httpVersion, method, url: path, headers } = request;
      const signal = abortWhenGone(request, response);
      if (isClosing()) response.shouldKeepAlive = false;
      response.once("close", () => {
        // What was refused unread is read and dropped, so that the caller comes to read the answer.
        if (!request.readableEnded) request.resume();
        if (isClosing()) server.closeIdleConnections();
      });
      const body = createRequestBody(request, requestTimeout);
      serve({ httpVersion, method, path, headers }, body, signal, createSink(response));
    },
  );
  // It checks its timeouts only once it listens, and here the port is another's.
  server.emit("listening");
  return server;
}

function abortWhenGone(request: IncomingMessage, response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  // Without a listener, the caller's hanging up would be an uncaught error.
  request.on("error", () => {});
  response.on("error", () => {});
  response.once("close", () => {
    if (!response.writableEnded) controller.abort(new TaskError("CALLER_GONE", "the caller went away"));
  });
  return controller.signal;
}

function createSink(response: ServerResponse): ResponseSink {
  return {
    isClosed: () => response.destroyed,
    begin: (status, header) => response.writeHead(status, header),
    write: (chunk) => response.write(chunk),
    drain: () => untilWritable(response),
    end(chunk, trailer) {
      if (trailer !== undefined) response.addTrailers(plain(trailer));
      response.end(chunk);
    },
    breakOff: () => response.destroy(),
  };
}
