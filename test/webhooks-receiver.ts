import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";

/** A delivery that has arrived, and waits for its answer if the receiver does not give one by itself. */
export interface Received {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
  /** The body, parsed. */
  json: {
    type: string;
    timestamp: string;
    data: Record<string, unknown> & { taskId: string; sequence: string };
  };
  response: ServerResponse;
  /** Resolves when the connection is closed. */
  closed: Promise<unknown>;
  answer(status: number, headers?: Record<string, string>): void;
}

/** A receiver of webhooks on a port of its own of this machine. */
export interface Receiver extends AsyncDisposable {
  url: string;
  port: number;
  /** All that has arrived. */
  received: Received[];
  /** The most deliveries of one task that waited for an answer at once, and of all. */
  most: { ofOneTask: number; ofAll: number };
  /** Resolves when so many have arrived. */
  count(count: number): Promise<Received[]>;
}

/** Starts a receiver. `respond` answers what arrives, with a status unless it does so itself; by default with 204. */
export async function startReceiver(
  respond: (received: Received, index: number) => number | undefined = () => 204,
): Promise<Receiver> {
  const received: Received[] = [];
  const most = { ofOneTask: 0, ofAll: 0 };
  const open = new Map<string, number>();
  let waiting: { count: number; resolve(): void }[] = [];
  const server = createServer((request, response) => {
    let body = "";
    const closed = once(response, "close");
    request.setEncoding("utf8").on("data", (chunk: string) => {
      body += chunk;
    });
    request.on("end", () => {
      const json = JSON.parse(body);
      const { taskId } = json.data;
      const answer = (status: number, headers: Record<string, string> = {}) => {
        open.set(taskId, (open.get(taskId) ?? 1) - 1);
        response.writeHead(status, headers).end();
      };
      open.set(taskId, (open.get(taskId) ?? 0) + 1);
      most.ofOneTask = Math.max(most.ofOneTask, open.get(taskId) ?? 0);
      most.ofAll = Math.max(
        most.ofAll,
        [...open.values()].reduce((sum, count) => sum + count, 0),
      );
      const { url: path = "", headers } = request;
      const one = { path, headers, body, json, response, closed, answer };
      received.push(one);
      for (const { count, resolve } of waiting) if (received.length >= count) resolve();
      waiting = waiting.filter(({ count }) => received.length < count);
      const status = respond(one, received.length - 1);
      if (status !== undefined) answer(status);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not listening on a port");
  return {
    url: `http://127.0.0.1:${address.port}/`,
    port: address.port,
    received,
    most,
    async count(count) {
      if (received.length < count) await new Promise<void>((resolve) => waiting.push({ count, resolve }));
      return received;
    },
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}
