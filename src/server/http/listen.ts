import { once } from "node:events";
import type { ServerHttp2Session } from "node:http2";
import type { Server, Socket } from "node:net";
import { ConnectError, type ConnectRouter, type Interceptor } from "@connectrpc/connect";
import type { AuthenticateRequest } from "../auth/index.ts";
import { type ReportError, toConnectError } from "../connect-error.ts";
import { serverStopping } from "../errors.ts";
import { noteLimit } from "../limit-refusals.ts";
import { type Limits, type OnLimit, resolveLimits } from "../limits.ts";
import { createAnswerBudget } from "./answer-budget.ts";
import { createBodyBudget } from "./body-budget.ts";
import type { Certificates } from "./certificates.ts";
import { describeConnection } from "./connection.ts";
import { type ConnectionDoor, createConnectionDoor } from "./connection-door.ts";
import { type Admit, createDispatch, type Dispatch } from "./dispatch.ts";
import type { OnRefused } from "./error-info.ts";
import type { RequireHost } from "./host-check.ts";
import { createHttp1Server } from "./http1-server.ts";
import { createHttp2Server, type OnStream, serveStreams } from "./http2-server.ts";
import { createRevocation } from "./revocation.ts";
import { createServe } from "./serve.ts";

export interface ListenerOptions {
  /** Registers the services. */
  routes: (router: ConnectRouter) => void;
  /** Wraps every call. The first is the outermost. */
  interceptors: Interceptor[];
  /** Finds out who calls before the body is read, or throws. Default: nobody is asked. */
  authenticate?: AuthenticateRequest;
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
  /** What callers may take. Defaults as in `limitBounds`. */
  limits?: Partial<Limits>;
  /** Is told of what is refused or cut off for a limit. */
  onLimit?: OnLimit;
  /** Decides which requests are refused before anything is spent on them. Default none. */
  admit?: Admit;
  /** Is told of calls that are answered with an error before they come to the interceptors. */
  onRefused?: OnRefused;
  /**
   * What TLS is made of, and again when it changes. Without, there is none. It stays open.
   *
   * @internal Its types are Node's, which those who read the package's declarations need not have.
   */
  tls?: Certificates;
  /** Refuses requests to a host that is not the server's, but for health and webhooks. Default: every host is. */
  requireHost?: RequireHost;
  /** The origins whose scripts may use the API, "*" for every one. Default none. */
  cors?: readonly string[];
  /** Answers what is below /webhooks/. Default 404. */
  webhooks?: Dispatch;
  /** Tells why the server should be given no requests, for /readyz. Default: not until it closes. */
  readiness?: () => Promise<string | undefined>;
  /** Answers what is no RPC, no webhook, and neither /healthz nor /readyz. Default 404. */
  fallback?: Dispatch;
  /**
   * Takes what comes over HTTP/2, or some of it, in place of the function that it is given.
   *
   * @internal As above.
   */
  takeStreams?: (others: OnStream) => OnStream;
}

/** Where a listener can be reached. */
export interface Address {
  host: string;
  port: number;
  url: string;
}

/** One port that speaks HTTP/1.1 and HTTP/2 (by ALPN, or without TLS with prior knowledge), and on both Connect, gRPC and gRPC-Web. */
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
  const { routes, interceptors, authenticate, webhooks, fallback, shutdown, report, newId, tls } = options;
  const { onLimit = () => {}, requireHost, admit = () => undefined } = options;
  const limits = resolveLimits(options.limits);
  const isClosing = () => shutdown.signal.aborted;
  const dispatch = createDispatch({
    routes,
    interceptors,
    ...(authenticate === undefined ? {} : { authenticate }),
    readMaxBytes: limits.maxMessageBytes,
    cors: options.cors ?? [],
    admit(request, ...kind) {
      requireHost?.(request);
      return admit(request, ...kind);
    },
    ...(options.onRefused === undefined ? {} : { onRefused: options.onRefused }),
    ...(webhooks === undefined ? {} : { webhooks }),
    ...(fallback === undefined ? {} : { fallback }),
    convertError(error) {
      // What was thrown further in has been counted there.
      if (error instanceof ConnectError) noteLimit(error, onLimit);
      return toConnectError(error, report, newId);
    },
    isHealthy: () => !isClosing(),
    readiness: options.readiness,
  });
  const serve = createServe(dispatch, (error) => report(error, newId()));
  const bodies = createBodyBudget(limits.maxBodyBytes, onLimit);
  const answers = createAnswerBudget(limits.maxAnswerBytes, onLimit);
  const revocation = createRevocation();
  const describe = (socket: Socket) => describeConnection(socket, revocation.signalOf(socket));
  const http1 = createHttp1Server(serve, describe, isClosing, limits, bodies, answers, onLimit);
  const { takeStreams = (all) => all } = options;
  const streams = takeStreams(serveStreams(serve, { limits, bodies, onLimit }));
  const http2 = createHttp2Server(streams, describe, limits, answers, onLimit);
  const sessions = new Set<ServerHttp2Session>();
  http2.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
  });
  let door: ConnectionDoor | undefined;

  return {
    async listen() {
      const opened = createConnectionDoor(http1.server, http2, {
        ...limits,
        onLimit,
        tls: tls?.content,
        revocation,
      });
      tls?.watch(opened.setCertificates);
      opened.server.listen({ host: options.host, port: options.port, backlog: 1024 });
      await once(opened.server, "listening");
      door = opened;
      return addressOf(opened.server, options.host, tls === undefined ? "http" : "https");
    },
    async close(deadline) {
      if (!isClosing()) shutdown.abort(serverStopping());
      http1.close();
      if (door === undefined) return;
      const { server, destroy } = door;
      const closed = server.listening ? once(server, "close") : Promise.resolve();
      door.close();
      for (const session of sessions) session.close();
      const cutOff = setTimeout(destroy, deadline);
      await closed;
      clearTimeout(cutOff);
    },
  };
}

function addressOf(server: Server, host: string, scheme: string): Address {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the listener has no address");
  const { port } = address;
  const isEverywhere = host === "0.0.0.0" || host === "::" || host === "";
  const name = isEverywhere ? "localhost" : host.includes(":") ? `[${host}]` : host;
  return { host, port, url: `${scheme}://${name}:${port}` };
}
