import { setTimeout as sleep } from "node:timers/promises";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type SendEventRequestSchema, TaskService } from "../../src/proto.ts";
import type { ChildServer } from "../child-server.ts";
import { type Bench, type Figure, interleave, row } from "../figure.ts";
import type { GrpcClient } from "../grpc-client.ts";
import { connections, createTasks, startPigeonhole, textPart } from "../pigeonhole.ts";
import { ask } from "../rpc.ts";
import { ratios } from "../stats.ts";

const scheduled = 100_000;
const scheduledTasks = 1_000;
const queued = 100_000;
const timers = 10_000;
const { createTask, sendEvent, getTask, listTasks } = TaskService.method;

/** Runs `work` so many times, 128 at a time, over all clients. Returns how many a second. */
async function times(
  clients: readonly GrpcClient[],
  count: number,
  work: (client: GrpcClient, index: number) => Promise<unknown>,
): Promise<number> {
  const begin = performance.now();
  let next = 0;
  const worker = async (client: GrpcClient) => {
    for (let index = next++; index < count; index = next++) await work(client, index);
  };
  await Promise.all(
    Array.from({ length: 128 }, (_, index) => worker(clients[index % clients.length] ?? none())),
  );
  return (count / (performance.now() - begin)) * 1_000;
}

function none(): never {
  throw new Error("no connection");
}

function send(
  client: GrpcClient,
  taskId: string,
  more: MessageInitShape<typeof SendEventRequestSchema> = {},
) {
  return ask(client, sendEvent, { taskId, parts: [textPart("Please look at order 4711.")], ...more });
}

/** Measures how long it takes until events that are due in one second, of many tasks, have been handled. */
async function dueAtOnce(bench: Bench): Promise<number> {
  await using server = await startPigeonhole(bench);
  await using opened = await connections(server.url, 4);
  const { clients } = opened;
  const [first = none()] = clients;
  const taskIds = await createTasks(first, "sink", scheduledTasks);
  const due = Date.now() + 60_000;
  await times(clients, scheduled, (client, index) =>
    send(client, taskIds[index % scheduledTasks] ?? "", {
      deliverTime: timestampFromMs(due + Math.floor((index / scheduled) * 1_000)),
    }),
  );
  if (Date.now() > due) throw new Error("the events were due before all were accepted");
  await sleep(due - Date.now());
  for (;;) {
    const { tasks } = await ask(first, listTasks, { agent: "sink", pageSize: 1_000 });
    if (tasks.every((task) => task.scheduledEvents === 0 && task.pendingEvents === 0)) break;
    await sleep(20);
  }
  return (Date.now() - due) / 1_000;
}

interface Depth {
  accept: number;
  drain: number;
}

/** Measures how fast tasks whose agent is not ready accept so many events together, and handle them once it is. */
async function fillAndDrain(bench: Bench, tasks: number): Promise<Depth> {
  await using server = await startPigeonhole(bench);
  await using opened = await connections(server.url, 4);
  const { clients } = opened;
  const [first = none()] = clients;
  const taskIds = await createTasks(first, "held", tasks);
  const accept = await times(clients, queued, (client, index) => send(client, taskIds[index % tasks] ?? ""));
  const begin = performance.now();
  await createTasks(first, "opener", 1, "open");
  for (;;) {
    const left = await Promise.all(
      [taskIds[0], taskIds.at(-1)].map((taskId) =>
        ask(first, getTask, { key: { case: "taskId", value: taskId ?? "" } }),
      ),
    );
    if (left.every(({ task }) => task?.pendingEvents === 0)) break;
    await sleep(20);
  }
  return { accept, drain: (queued / (performance.now() - begin)) * 1_000 };
}

/** Measures what a task that has a timer costs the server's heap. */
async function timerHeap(bench: Bench): Promise<number> {
  await using server: ChildServer = await startPigeonhole(bench);
  await using opened = await connections(server.url, 4);
  const create = (client: GrpcClient) =>
    ask(client, createTask, {
      agent: "sink",
      expiration: { case: "ttl", value: durationFromMs(86_400_000) },
    });
  await times(opened.clients, timers / 4, create); // Warms up.
  const before = await server.usage("usage after collection");
  await times(opened.clients, timers, create);
  const after = await server.usage("usage after collection");
  return (after.heap - before.heap) / timers;
}

export const mailbox: Figure = {
  name: "mailbox",
  title: "Events that are due at once, a deep mailbox, timers",
  async measure(bench) {
    const rounds = Math.min(bench.rounds, 3);
    const { due } = await interleave(rounds, { due: () => dueAtOnce(bench) });
    const { deep, shallow } = await interleave(rounds, {
      deep: () => fillAndDrain(bench, 1),
      shallow: () => fillAndDrain(bench, scheduledTasks),
    });
    const { timer } = await interleave(rounds, { timer: () => timerHeap(bench) });
    const accept = (depths: Depth[]) => depths.map((depth) => depth.accept);
    const drain = (depths: Depth[]) => depths.map((depth) => depth.drain);
    return [
      row("100,000 events due in one second, of 1,000 tasks: until all are handled", "s", due),
      row("one task, 100,000 events: accepted", "events/s", accept(deep)),
      row("1,000 tasks, 100 events each: accepted", "events/s", accept(shallow)),
      row("accepted, one task to many", "ratio", ratios(accept(deep), accept(shallow))),
      row("one task, 100,000 events: handled", "events/s", drain(deep)),
      row("1,000 tasks, 100 events each: handled", "events/s", drain(shallow)),
      row("a task with a timer, heap", "bytes", timer, { atMost: 16 }),
    ];
  },
};
