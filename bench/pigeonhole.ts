import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AgentService, TaskService } from "../src/proto.ts";
import { type ChildServer, startServer } from "./child-server.ts";
import type { Bench } from "./figure.ts";
import { type GrpcClient, GrpcError, grpcClient } from "./grpc-client.ts";
import { ask } from "./rpc.ts";

/** The agents of pigeonhole-server.ts. */
export type AgentName = "blocked" | "sink" | "answer" | "echo" | "words" | "held" | "opener";

/** Starts Pigeonhole, on a store of its own unless one is given. */
export function startPigeonhole(bench: Bench, file = databaseFile(bench)): Promise<ChildServer> {
  return startServer("pigeonhole-server.ts", [file]);
}

/** Names a file for a database that does not exist yet. */
export function databaseFile(bench: Bench): string {
  return join(bench.directory, `${randomUUID()}.db`);
}

/** Opens several connections at once, and closes them together. */
export async function connections(
  url: string,
  count: number,
  headers?: Record<string, string>,
): Promise<{ clients: GrpcClient[] } & AsyncDisposable> {
  const clients = await Promise.all(Array.from({ length: count }, () => grpcClient(url, headers)));
  return {
    clients,
    async [Symbol.asyncDispose]() {
      await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
    },
  };
}

/** Makes tasks, each with a first event of this text if one is given. Returns their ids. */
export async function createTasks(
  client: GrpcClient,
  agent: AgentName,
  count: number,
  text?: string,
): Promise<string[]> {
  const event = text === undefined ? {} : { event: { parts: [textPart(text)] } };
  const ids: string[] = [];
  const create = async () => {
    const { task } = await ask(client, TaskService.method.createTask, { agent, ...event });
    ids.push(task?.id ?? "");
  };
  while (ids.length < count)
    await Promise.all(Array.from({ length: Math.min(128, count - ids.length) }, create));
  return ids;
}

/** Asks again for as long as the server has too much in hand, which right after a load it may. */
async function whenThereIsRoom<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof GrpcError) || error.status !== "8") throw error;
      await sleep(200);
    }
  }
}

/** Waits until no event of an agent waits in a mailbox. */
export async function drained(client: GrpcClient, agent: AgentName): Promise<void> {
  for (;;) {
    const answer = await whenThereIsRoom(() => ask(client, AgentService.method.getAgent, { agent }));
    if (answer.agent?.pendingEvents === 0n) return;
    await sleep(10);
  }
}

/** Counts the events of a task, in whatever state. */
export async function countEvents(client: GrpcClient, taskId: string): Promise<number> {
  let count = 0;
  let pageToken = "";
  do {
    const request = { taskId, pageSize: 1_000, pageToken };
    const page = await whenThereIsRoom(() => ask(client, TaskService.method.listEvents, request));
    count += page.events.length;
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return count;
}

/** A part that is plain text. */
export function textPart(text: string) {
  return { content: { case: "text" as const, value: text } };
}
