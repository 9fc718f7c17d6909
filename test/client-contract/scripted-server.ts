import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { createServer as createHttp2Server, Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { TaskService } from "../../src/proto.ts";
import { type Played, playScripts } from "./play-scripts.ts";
import type { Act, Scripted } from "./script.ts";

/** A server that plays scripts, each under an address of its own. */
export interface ScriptedServer extends AsyncDisposable {
  url: string;
  script(acts: readonly Act[]): Promise<Scripted>;
}

export interface ScriptedServerOptions {
  http2?: boolean;
  /** Answers, over HTTP/1.1, what is none of a script. */
  fallback?: RequestListener;
}

type Request = IncomingMessage | Http2ServerRequest;
type Response = ServerResponse | Http2ServerResponse;

/**
 * Serves scripts over HTTP/1.1 or HTTP/2. Whoever has only the wire posts one to `/scripts`, which answers with its id, and asks
 * `/scripts/{id}/seen`, `cut` and `left`.
 */
export async function serveScripts({
  http2 = false,
  fallback = (_, response) => response.writeHead(404).end(),
}: ScriptedServerOptions = {}): Promise<ScriptedServer> {
  const scripts = new Map<string, Played>();
  const answer = connectNodeAdapter({
    routes: (router) => router.service(TaskService, playScripts(scripts)),
  });

  function listener(request: Request, response: Response): void {
    const [, id = "", path = ""] = /^\/scripts\/(\d+)(\/.*)$/.exec(request.url ?? "") ?? [];
    const played = scripts.get(id);
    if (played === undefined || !path.startsWith("/pigeonhole.")) {
      if (!(request instanceof Http2ServerRequest) && !("stream" in response))
        void control(request, response, played, path);
      return;
    }
    const destroy = () =>
      request instanceof Http2ServerRequest ? request.stream.session?.destroy() : request.socket.destroy();
    played.connections.add(destroy);
    response.on("close", () => played.connections.delete(destroy));
    request.url = path;
    request.headers["x-script"] = id;
    answer(request, response);
  }

  async function control(
    request: IncomingMessage,
    response: ServerResponse,
    played: Played | undefined,
    path: string,
  ): Promise<void> {
    const json = (value: unknown) =>
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value ?? null));
    if (request.method === "POST" && request.url === "/scripts") {
      json(open(JSON.parse(Buffer.concat(await request.toArray()).toString())));
    } else if (played === undefined) {
      fallback(request, response);
    } else if (path === "/cut") {
      json(played.cut());
    } else if (path === "/called") {
      json(await played.called.promise);
    } else if (path === "/left") {
      json(await played.left.promise);
    } else {
      json(played.seen);
    }
  }

  function open(acts: readonly Act[]): string {
    const id = String(scripts.size + 1);
    const connections = new Set<() => void>();
    const cut = () => {
      for (const destroy of connections) destroy();
    };
    const [called, left] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    scripts.set(id, { acts: [...acts], seen: [], connections, cut, called, left });
    return id;
  }

  const server = http2 ? createHttp2Server(listener) : createServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not listening on a port");
  const url = `http://127.0.0.1:${address.port}`;
  return {
    url,
    async script(acts) {
      const id = open(acts);
      const played = scripts.get(id);
      if (played === undefined) throw new Error(`there is no script ${id}`);
      return {
        baseUrl: `${url}/scripts/${id}`,
        seen: async () => played.seen,
        called: () => played.called.promise,
        cut: async () => played.cut(),
        left: () => played.left.promise,
      };
    },
    async [Symbol.asyncDispose]() {
      for (const played of scripts.values()) played.cut();
      if ("closeAllConnections" in server) server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
