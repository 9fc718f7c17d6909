import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { OnBusy, TaskService } from "../src/proto.ts";
import { serve } from "../src/server/index.ts";
import scribe from "./agents/scribe.ts";
import { cancel, create, listTasks, readEnd, redrive, send, settle } from "./crash-calls.ts";
import { type Clients, follow, perform, read } from "./crash-clients.ts";
import {
  answerOf,
  type CancelRequest,
  type SendRequest,
  type StoreHistory,
  type TaskHistory,
} from "./crash-history.ts";
import { createRandom } from "./crash-random.ts";
import { createHaltingClock, type HaltingClock } from "./halting-clock.ts";

/**
 * Records what clients see of three tasks on a server that nobody kills: the first is completed, the second cancelled while it answers, and
 * the third knows all that senders and agents may ask of a mailbox.
 */
export async function record(): Promise<StoreHistory> {
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  const clock = createHaltingClock();
  const server = await serve({ agents: [scribe], store: "memory:", port: 0, log, clock });
  const rpc = createClient(TaskService, createConnectTransport({ baseUrl: server.url, httpVersion: "1.1" }));
  const alive = {
    url: server.url,
    rpc: { connect: rpc, grpc: rpc, grpcWeb: rpc },
    doomed: false,
    troubled: false,
    log: () => "",
    gone: new Promise(() => {}),
  };
  const servers = { current: async () => alive };
  const clients: Clients = { servers, random: createRandom(1), now: Date.now, progress: () => {} };
  try {
    const tasks = [
      await lead(clients, clock, "completed", ["say", "stumble", "finish"].map(plain)),
      await lead(clients, clock, "cancelled", ["say", "stubborn"].map(plain)),
      await lead(clients, clock, "ruled", ruled),
    ];
    return { tasks, abandoned: [{ requestId: "abandoned", outcomes: [] }], listed: await listTasks(clients) };
  } finally {
    await server.close();
  }
}

/** An event, and how it is sent. */
interface Sending {
  type: string;
  onBusy?: OnBusy;
  /** How long after it is sent it is delivered, in ms. */
  delay?: number;
  /** Whether it answers the question that is open. */
  answers?: boolean;
  /** Whether it is waited for, with all that comes of it. */
  settled?: boolean;
}

const plain = (type: string): Sending => ({ type });

const ruled: Sending[] = [
  { type: "delegate", settled: true },
  { type: "stubborn" },
  { type: "say" },
  { type: "gather", onBusy: OnBusy.STEER, settled: true },
  { type: "poison", delay: 10, settled: true },
  { type: "stubborn" },
  { type: "say", onBusy: OnBusy.INTERRUPT, settled: true },
  { type: "cure", settled: true },
  { type: "ask", settled: true },
  { type: "answer", answers: true, settled: true },
  { type: "hurry" },
  { type: "say", settled: true },
  { type: "finish" },
];

async function lead(
  clients: Clients,
  clock: HaltingClock,
  name: string,
  sendings: Sending[],
): Promise<TaskHistory> {
  const creation: TaskHistory["create"] = { requestId: name, outcomes: [] };
  await perform(clients, creation, create(name, undefined));
  const taskId = answerOf(creation)?.id ?? "";
  const followed = Promise.all([follow(clients, taskId)]);
  const sends: SendRequest[] = [];
  for (const [index, { type, onBusy, delay, answers, settled }] of sendings.entries()) {
    const request: SendRequest = {
      ...{ requestId: `${name}-${index}`, text: `${type} ${index} of ${name}`, type, outcomes: [] },
      ...(onBusy !== undefined && { onBusy }),
      ...(answers && { answers: await openQuestion(clients, taskId) }),
      ...(delay !== undefined && { deliverTime: clock.halt() + delay }),
    };
    sends.push(request);
    await perform(clients, request, send(taskId, request));
    clock.go();
    await perform(clients, request, send(taskId, request));
    if (!settled) continue;
    await settle(clients, taskId, request);
    await followChildren(clients, taskId);
    await redrive(clients, taskId);
  }
  const cancels: CancelRequest[] = [];
  if (!sendings.some(({ type }) => type === "finish")) {
    const request = { requestId: `${name}-cancel`, reason: "enough", outcomes: [] };
    cancels.push(request);
    await perform(clients, request, cancel(taskId, request));
    await perform(clients, request, cancel(taskId, request));
  }
  const logs = await followed;
  return { create: creation, sends, cancels, logs, end: await readEnd(clients, taskId) };
}

async function openQuestion(clients: Clients, taskId: string): Promise<string> {
  const { task } = await read(clients, (rpc) => rpc.getTask({ key: { case: "taskId", value: taskId } }));
  return task?.question?.id ?? "";
}

async function followChildren(clients: Clients, taskId: string): Promise<void> {
  const tasks = await listTasks(clients);
  const children = tasks.filter(({ parentTaskId }) => parentTaskId === taskId);
  await Promise.all(children.map(({ id }) => follow(clients, id)));
}
