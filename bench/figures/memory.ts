import { TaskService } from "../../src/proto.ts";
import type { ChildServer } from "../child-server.ts";
import { type Bench, type Figure, interleave, row } from "../figure.ts";
import { connections, createTasks, drained, startPigeonhole } from "../pigeonhole.ts";
import { encode, pathOf } from "../rpc.ts";
import type { Usage } from "../usage.ts";

type Memory = Pick<Usage, "heap" | "rss">;

const tasks = 20_000;
const subscriptions = 1_000;
const { subscribeTask } = TaskService.method;

/** Tells what each of `count` things costs that `add` makes. */
async function each(server: ChildServer, count: number, add: () => Promise<void>): Promise<Memory> {
  const before = await server.usage("usage after collection");
  await add();
  const after = await server.usage("usage after collection");
  return { heap: (after.heap - before.heap) / count, rss: (after.rss - before.rss) / count };
}

/** Measures tasks that have had a turn and wait for the next event. */
async function idleTasks(bench: Bench): Promise<Memory> {
  await using server = await startPigeonhole(bench);
  await using opened = await connections(server.url, 1);
  const [client] = opened.clients;
  if (!client) throw new Error("no connection");
  const add = async (count: number) => {
    await createTasks(client, "sink", count, "work");
    await drained(client, "sink");
  };
  await add(tasks / 4); // Warms up: code is compiled and caches are full.
  return await each(server, tasks, () => add(tasks));
}

/** Measures subscriptions that have been told everything, each to a task of its own, over ten connections. */
async function idleSubscriptions(bench: Bench): Promise<Memory> {
  await using server = await startPigeonhole(bench);
  await using opened = await connections(server.url, 10);
  const { clients } = opened;
  const [first] = clients;
  if (!first) throw new Error("no connection");
  const taskIds = await createTasks(first, "sink", subscriptions, "work");
  await drained(first, "sink");
  const subscribe = async (count: number, signal: AbortSignal) => {
    await Promise.all(
      taskIds.slice(0, count).map((taskId, index) => {
        const client = clients[index % clients.length] ?? first;
        return new Promise<void>((told, failed) => {
          client
            .call(pathOf(subscribeTask), encode(subscribeTask, { taskId }), () => told(), signal)
            .catch((error: unknown) => (signal.aborted ? undefined : failed(error)));
        });
      }),
    );
  };
  const warmUp = new AbortController();
  await subscribe(subscriptions / 10, warmUp.signal);
  warmUp.abort();
  const stop = new AbortController();
  const memory = await each(server, subscriptions, () => subscribe(subscriptions, stop.signal));
  stop.abort();
  return memory;
}

export const memory: Figure = {
  name: "memory",
  title: "Memory of the server, after a garbage collection",
  async measure(bench) {
    const results = await interleave(Math.min(bench.rounds, 3), {
      task: () => idleTasks(bench),
      subscription: () => idleSubscriptions(bench),
    });
    const kB = (bytes: number) => bytes / 1_000;
    return [
      row(
        "an idle task, heap",
        "bytes",
        results.task.map((memory) => memory.heap),
        { atMost: 16 },
      ),
      row(
        "an idle task, RSS",
        "bytes",
        results.task.map((memory) => memory.rss),
      ),
      row(
        "an idle subscription, heap",
        "kB",
        results.subscription.map((memory) => kB(memory.heap)),
        { atMost: 50 },
      ),
      row(
        "an idle subscription, RSS",
        "kB",
        results.subscription.map((memory) => kB(memory.rss)),
        { atMost: 50 },
      ),
    ];
  },
};
