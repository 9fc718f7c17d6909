import { once } from "node:events";
import type { ServerHttp2Session } from "node:http2";
import type { Server } from "node:net";
import type { ConnectRouter, Interceptor } from "@connectrpc/connect";
import { type ReportError, toConnectError } from "../connect-error.ts";
import { serverStopping } from "../errors.ts";
import { createConnectionDoor } from "./connection-door.ts";
import { createDispatch, type Dispatch } from "./dispatch.ts";
import { createHttp1Server } from "./http1-server.ts";
import { createHttp2Server } from "./http2-server.ts";
import { createServe } from "./serve.ts";

export interface ListenerOptions {
  /** Registers the services. */
  routes: (router: ConnectRouter) => void;
  /** Wraps every call. The first is the outermost. */
  interceptors: Interceptor[];
  /** The address to listen at, such as `127.0.0.1`, or `::` for every one. */
  host: string;
  /** The port; 0 for any that is free. */
  port: number;
  /** Is aborted when the listener begins to close, with SERVER_STOPPING. What streams without an end listens to its signal. */
  shutdown: AbortController;
  /** Takes note of the defects that come to light outside of the interceptors. */
  report: ReportError;
  /** Makes the ids of these. */
  newId: () => string;
  /** The most connections at once. Default 10,000. */
  maxConnections?: number;
  /** The most bytes of one message, as sent and decompressed. Default 4 MiB. */
  readMaxBytes?: number;
  /** The origins whose scripts may use the API, "*" for every one. Default none. */
  cors?: readonly string[];
  /** Answers what is below /webhooks/. Default 404. */
  webhooks?: Dispatch;
  /** Tells why the server should be given no requests, for /readyz. Default: not until it closes. */
  readiness?: () => Promise<string | undefined>;
  /** Answers what is no RPC, no webhook, and neither /healthz nor /readyz. Default 404. */
  fallback?: Dispatch;
}

/** Where a listener can be reached. */
export interface Address {
  host: string;
  port: number;
  url: string;
}

/** One port that speaks HTTP/1.1 and HTTP/2 (without TLS, with prior knowledge), and on both Connect, gRPC and gRPC-Web. */
export interface Listener {
  /** Begins to accept connections. Fails if the address cannot be had. */
  listen(): Promise<Address>;
  /**
   * Stops: accepts no more connections, tells the callers of HTTP/2 to go elsewhere, aborts `shutdown`, and lets what is
   * under way come to its end, for `deadline` ms at most; what is left then is cut off. Resolves when no connection is open.
   */
  close(deadline: number): Promise<void>;
}

export function createListener(options: ListenerOptions): Listener {
  const { routes, interceptors, webhooks, fallback, shutdown, report, newId } = options;
  const isClosing = () => shutdown.signal.aborted;
  const dispatch = createDispatch({
    routes,
    interceptors,
    readMaxBytes: options.readMaxBytes ?? 4 * 1024 * 1024,
    cors: options.cors ?? [],
    ...(webhooks === undefined ? {} : { webhooks }),
    ...(fallback === undefined ? {} : { fallback }),
    convertError: (error) => toConnectError(error, report, newId),
    isHealthy: () => !isClosing(),
    readiness: options.readiness,
  });
  const serve = createServe(dispatch, (error) => report(error, newId()));
  const http1 = createHttp1Server(serve, isClosing);
  const http2 = createHttp2Server(serve);
  const sessions = new Set<ServerHttp2Session>();
  http2.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
  });
  const door = createConnectionDoor(http1, http2, options.maxConnections ?? 10_000);

  return {
    async listen() {
      door.server.listen({ host: options.host, port: options.port, backlog: 1024 });
      await once(door.server, "listening");
      return addressOf(door.server, options.host);
    },
    async close(deadline) {
      if (!isClosing()) shutdown.abort(serverStopping());
      const closed = door.server.listening ? once(door.server, "close") : Promise.resolve();
      door.close();
      http1.close();
      for (const session of sessions) session.close();
      const cutOff = setTimeout(() => door.destroy(), deadline);
      await closed;
      clearTimeout(cutOff);
    },
  };
}

function addressOf(server: Server, host: string): Address {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the listener has no address");
  const { port } = address;
  const isEverywhere = host === "0.0.0.0" || host === "::" || host === "";
  const name = isEverywhere ? "localhost" : host.includes(":") ? `[${host}]` : host;
  return { host, port, url: `http://${name}:${port}` };
}
