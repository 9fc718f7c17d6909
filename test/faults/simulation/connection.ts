import { type Client, Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { ScheduleService, TaskService, WebhookService } from "../../../src/proto.ts";
import { reasonOf } from "../../crash-clients.ts";
import type { Random } from "../../crash-random.ts";
import type { Server } from "../../crash-servers.ts";

/** A connection of a client to a server, and to what it tells of schedules and webhooks. */
export interface Connection extends Server {
  schedules: Client<typeof ScheduleService>;
  webhooks: Client<typeof WebhookService>;
}

/** Whether what failed on a connection may be asked again, on another or when the store can write. */
export function mayAskAgain({ doomed }: Connection, error: unknown): boolean {
  return doomed || reasonOf(error) === "STORE_UNAVAILABLE";
}

/** A connection that breaks when its process is gone, and now and then by itself: before a request is there, or after it was answered. */
export function connect(
  transport: Transport,
  gone: Promise<void>,
  random: Random,
  breaks: number,
): Connection {
  const broken = Promise.withResolvers<void>();
  const server = { url: "", doomed: false, troubled: true, log: () => "", gone: broken.promise };
  const lost = gone.then(cut);
  // Nobody may be waiting for it.
  lost.catch(() => {});

  const guarded: Transport = {
    async unary(method, signal, _timeout, header, input, values) {
      if (random.chance(breaks / 2)) cut();
      const answer = await whole(transport.unary(method, signal, undefined, header, input, values));
      if (random.chance(breaks / 2)) cut();
      return answer;
    },
    async stream(method, signal, _timeout, header, input, values) {
      const answer = await whole(transport.stream(method, signal, undefined, header, input, values));
      return { ...answer, message: guard(answer.message) };
    },
  };
  const rpc = createClient(TaskService, guarded);
  return Object.assign(server, {
    rpc: { connect: rpc, grpc: rpc, grpcWeb: rpc },
    schedules: createClient(ScheduleService, guarded),
    webhooks: createClient(WebhookService, guarded),
  });

  function cut(): never {
    server.doomed = true;
    broken.resolve();
    throw new ConnectError("the connection broke", Code.Unavailable);
  }

  function whole<T>(answer: Promise<T>): Promise<T> {
    return Promise.race([answer, lost]);
  }

  async function* guard<T>(messages: AsyncIterable<T>): AsyncGenerator<T> {
    const iterator = messages[Symbol.asyncIterator]();
    try {
      for (;;) {
        const { done, value } = await whole(iterator.next());
        if (done) return;
        yield value;
      }
    } finally {
      // Whoever is gone does not answer to that either.
      void iterator.return?.();
    }
  }
}
