import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { TaskService } from "../src/proto.ts";
import { serve } from "../src/server/index.ts";
import scribe from "./agents/scribe.ts";
import { cancel, create, listTasks, readEnd, send } from "./crash-calls.ts";
import { type Clients, follow, perform } from "./crash-clients.ts";
import {
  answerOf,
  type CancelRequest,
  type SendRequest,
  type StoreHistory,
  type TaskHistory,
} from "./crash-history.ts";
import { createRandom } from "./crash-random.ts";

/** Records what clients see of two tasks on a server that nobody kills: the first is completed, the second cancelled while it answers. */
export async function record(): Promise<StoreHistory> {
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  const server = await serve({ agents: [scribe], store: "memory:", port: 0, log });
  const rpc = createClient(TaskService, createConnectTransport({ baseUrl: server.url, httpVersion: "1.1" }));
  const alive = {
    rpc: { connect: rpc, grpc: rpc, grpcWeb: rpc },
    doomed: false,
    gone: new Promise(() => {}),
  };
  const servers = { current: async () => alive };
  const clients: Clients = { servers, random: createRandom(1), progress: () => {} };
  try {
    const types = ["say", "stumble", "finish"];
    const tasks = [
      await lead(clients, "completed", types),
      await lead(clients, "cancelled", ["say", "stubborn"]),
    ];
    return { tasks, abandoned: [{ requestId: "abandoned", outcomes: [] }], listed: await listTasks(clients) };
  } finally {
    await server.close();
  }
}

async function lead(clients: Clients, name: string, types: string[]): Promise<TaskHistory> {
  const creation: TaskHistory["create"] = { requestId: name, outcomes: [] };
  await perform(clients, creation, create(name, undefined));
  const taskId = answerOf(creation)?.id ?? "";
  const followed = Promise.all([follow(clients, taskId)]);
  const sends: SendRequest[] = [];
  for (const type of types) {
    const request = { requestId: `${name}-${type}`, text: `${type} of ${name}`, type, outcomes: [] };
    sends.push(request);
    await perform(clients, request, send(taskId, request));
    await perform(clients, request, send(taskId, request));
  }
  const cancels: CancelRequest[] = [];
  if (!types.includes("finish")) {
    const request = { requestId: `${name}-cancel`, reason: "enough", outcomes: [] };
    cancels.push(request);
    await perform(clients, request, cancel(taskId, request));
    await perform(clients, request, cancel(taskId, request));
  }
  const logs = await followed;
  return { create: creation, sends, cancels, logs, end: await readEnd(clients, taskId) };
}
