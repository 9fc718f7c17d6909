import { once } from "node:events";
import { createServer, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as createHttp2Server, type Http2Server, type Http2ServerResponse } from "node:http2";
import type { Socket } from "node:net";
import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { AgentService, ErrorInfoSchema, RetryInfoSchema, TaskService, WebhookService } from "../src/proto.ts";

export type TaskScript = Partial<ServiceImpl<typeof TaskService>>;
export type AgentScript = Partial<ServiceImpl<typeof AgentService>>;
export type WebhookScript = Partial<ServiceImpl<typeof WebhookService>>;

/** A server that answers as a script says, on a port of its own. */
export interface ScriptedServer {
  readonly url: string;
  /** Breaks every connection without another word. */
  cut(): void;
  /** Stops listening and breaks every connection. */
  stop(): Promise<void>;
  /** Listens again, on the same port. */
  start(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Serves a script over HTTP/1.1, or over HTTP/2. */
export async function serveScript(
  script: TaskScript & { agents?: AgentScript; webhooks?: WebhookScript; http2?: boolean },
): Promise<ScriptedServer> {
  const { agents = {}, webhooks = {}, http2 = false, ...tasks } = script;
  const handler = connectNodeAdapter({
    routes: (router) =>
      router.service(TaskService, tasks).service(AgentService, agents).service(WebhookService, webhooks),
  });
  return open(http2 ? createHttp2Server(handler) : createServer(handler));
}

/** Serves something else over HTTP/1.1. */
export async function serve(handler: RequestListener): Promise<ScriptedServer> {
  return open(createServer(handler));
}

/** Answers every request with a status alone, as a proxy does that refuses. */
export async function serveStatus(
  status: number,
  { http2, called }: { http2: boolean; called: () => void },
): Promise<ScriptedServer> {
  const handler = (_: unknown, response: ServerResponse | Http2ServerResponse) => {
    called();
    response.statusCode = status;
    response.end();
  };
  return open(http2 ? createHttp2Server(handler) : createServer(handler));
}

async function open(server: Server | Http2Server): Promise<ScriptedServer> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  const listen = async (port: number) => {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
  };
  await listen(0);
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not listening on a port");
  const { port } = address;
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  const stop = async () => {
    if (!server.listening) return;
    const closed = once(server, "close");
    server.close();
    cut();
    await closed;
  };
  return {
    url: `http://127.0.0.1:${port}`,
    cut,
    stop,
    start: () => listen(port),
    [Symbol.asyncDispose]: stop,
  };
}

/** Makes an error as a Pigeonhole server does. */
export function serverError(code: Code, reason: string, retryAfter?: number): ConnectError {
  return new ConnectError(reason.toLowerCase(), code, undefined, [
    { desc: ErrorInfoSchema, value: create(ErrorInfoSchema, { domain: "pigeonhole", reason }) },
    ...(retryAfter === undefined
      ? []
      : [
          {
            desc: RetryInfoSchema,
            value: create(RetryInfoSchema, { retryDelay: durationFromMs(retryAfter) }),
          },
        ]),
  ]);
}

/** Makes the error of a server that stops. */
export function stopping(): ConnectError {
  return serverError(Code.Unavailable, "SERVER_STOPPING");
}

/** A retry policy for tests: the rules of the real one, without its waits. */
export const quickly = { initialBackoff: 1, maxBackoff: 2 };
