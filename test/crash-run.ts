import { setTimeout } from "node:timers/promises";
import { listTasks } from "./crash-calls.ts";
import type { Clients } from "./crash-clients.ts";
import type { StoreHistory } from "./crash-history.ts";
import { leadTask } from "./crash-life.ts";
import { createRandom } from "./crash-random.ts";
import type { ServerSeries } from "./crash-servers.ts";

export interface CrashRun {
  servers: ServerSeries;
  seed: number;
  /** How often to kill a server, at the least. */
  kills: number;
  /** Tells whether what was seen by then will do. Until it does, servers are killed on, up to three times as often. Default: any will do. */
  isEnough?(): boolean;
  /** Where what the clients saw is put, as tasks come to their ends. Default: somewhere new. */
  history?: StoreHistory;
  /** How many tasks to lead at once. */
  tasksAtOnce: number;
}

/** The longest that a server is left alone when its clients get nothing, in ms. */
const patience = 2_000;

/** Kills servers at random moments under load, and tells what the clients saw. */
export async function runCrashes(run: CrashRun): Promise<StoreHistory> {
  const { servers, seed, kills, isEnough = () => true, tasksAtOnce } = run;
  const { history = { tasks: [], abandoned: [], listed: [] } } = run;
  const random = createRandom(seed);
  const progress = createProgress();
  const clients: Clients = {
    servers,
    random: createRandom(seed + 1),
    now: Date.now,
    progress: progress.count,
  };
  let killing = true;
  let tasks = 0;

  await servers.start();
  await Promise.all([kill(), ...Array.from({ length: tasksAtOnce }, lead)]);
  history.listed = await listTasks(clients);
  return history;

  async function kill(): Promise<void> {
    for (let killed = 0; killed < kills || (killed < 3 * kills && !isEnough()); killed++) {
      await progress.made(random.between(0, 300));
      await servers.kill();
      if (random.chance(0.1)) await servers.startInVain(random.between(50, 1_000));
      await servers.start();
    }
    killing = false;
  }

  async function lead(): Promise<void> {
    while (killing) {
      const life = await leadTask(clients, `${seed}-${tasks++}`);
      if ("history" in life) history.tasks.push(life.history);
      else history.abandoned.push(life.abandoned);
    }
  }
}

/** Counts what clients get, so that the moment of a kill is a matter of what has happened and not of how fast the machine is. */
function createProgress() {
  let count = 0;
  let awaited: { count: number; resolve(): void } | undefined;
  return {
    count() {
      count += 1;
      if (awaited !== undefined && count >= awaited.count) awaited.resolve();
    },
    async made(amount: number): Promise<void> {
      const { promise, resolve } = Promise.withResolvers<void>();
      awaited = { count: count + amount, resolve };
      const waiting = new AbortController();
      const enough = setTimeout(patience, undefined, { signal: waiting.signal }).catch(() => undefined);
      await Promise.race([promise, enough]);
      waiting.abort();
      awaited = undefined;
    },
  };
}
