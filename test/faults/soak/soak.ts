import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createClient } from "../../../src/client/index.ts";
import { WebhookKind } from "../../../src/proto.ts";
import type { Clients } from "../../crash-clients.ts";
import { createRandom } from "../../crash-random.ts";
import { createServerSeries, type ServerSeries } from "../../crash-servers.ts";
import { type HookReceiver, startHookReceiver } from "./hook-receiver.ts";
import { startLatencyProbe } from "./latency.ts";
import { type LoadCounts, runLoad } from "./load.ts";
import { readProbe, round, type Sample, summarize } from "./samples.ts";

export interface SoakOptions {
  minutes: number;
  seed: number;
  /** How often the one server is killed, in s. */
  killInterval: number;
  /** How many tasks are led at once, by each server's clients. */
  tasksAtOnce: number;
  /** Where the databases are. */
  directory: string;
}

/** What came of a soak. */
export interface Soaked {
  samples: Sample[];
  violations: string[];
  counts: LoadCounts & { kills: number; delivered: number; fired: number };
}

/** How long a window of measurement is, in s. */
const window = 5;

/**
 * Loads two servers with all that clients and agents do. One is killed again and again, for the guarantees; the other never, because what a
 * server does not let go of shows in one that lives. Finished tasks are checked and forgotten, by the servers too.
 */
export async function soak(options: SoakOptions): Promise<Soaked> {
  const violations: string[] = [];
  const samples: Sample[] = [];
  const report = (violation: string) => {
    violations.push(violation);
    console.error(violation);
  };
  await using hooks = await startHookReceiver(report);
  const killed = side("killed every minute", hooks, options, report);
  const steady = side("never killed", hooks, options, report);
  await using all = new AsyncDisposableStack();
  for (const { servers, latency } of [killed, steady]) {
    all.use(servers);
    all.use(latency);
  }
  const sides = [steady, killed];
  for (const { begin } of sides) await begin();

  const over = new AbortController();
  const start = performance.now();
  const elapsed = () => (performance.now() - start) / 1000;
  const loads = sides.map(({ run }) => run(over.signal));
  const killing = kill();
  while (elapsed() < options.minutes * 60) {
    await setTimeout(window * 1000);
    for (const { sample } of sides) samples.push(await sample(round(elapsed())));
  }
  over.abort();
  await Promise.all([...loads, killing]);
  for (const { end } of sides) await end();
  // What is still to be posted comes within seconds, unless it is lost.
  for (let waited = 0; waited < 30 && hooks.missing().length > 0; waited++) await setTimeout(1000);
  for (const taskId of hooks.missing()) report(`webhook: the end of task ${taskId} was never posted`);
  const sum = (key: keyof LoadCounts) => sides.reduce((total, { counts }) => total + counts[key], 0);
  const counts = {
    ...{ tasks: sum("tasks"), events: sum("events"), abandoned: sum("abandoned") },
    kills: killed.kills(),
    delivered: hooks.delivered(),
    fired: sides.reduce((total, { fired }) => total + fired(), 0),
  };
  return { samples, violations, counts };

  async function kill(): Promise<void> {
    for (;;) {
      const rest = setTimeout(options.killInterval * 1000, undefined, { signal: over.signal });
      if (
        await rest.then(
          () => false,
          () => true,
        )
      )
        return;
      await killed.kill();
    }
  }
}

/** One server of a soak, its clients, and what is measured of them. */
function side(
  name: string,
  hooks: HookReceiver,
  { directory, seed, tasksAtOnce }: SoakOptions,
  report: (violation: string) => void,
) {
  const file = (suffix: string) => join(directory, `${name.replaceAll(" ", "-")}.${suffix}`);
  const probe = file("jsonl");
  writeFileSync(probe, "");
  const loader = fileURLToPath(new URL("heap-probe.ts", import.meta.url));
  const servers: ServerSeries = createServerSeries(file("db"), "soak", {
    compileCache: join(directory, "compiled"),
    args: ["--allow-private-webhooks"],
    env: { NODE_OPTIONS: `--import ${loader}`, SOAK_PROBE: probe },
  });
  const counts: LoadCounts = { tasks: 0, events: 0, abandoned: 0 };
  const latency = startLatencyProbe();
  let progress = 0;
  let kills = 0;
  let fired = 0;
  let begun = 0;
  let measured = performance.now();
  const clients: Clients = {
    servers,
    random: createRandom(seed + name.length),
    now: Date.now,
    progress: () => {
      progress += 1;
    },
  };
  const tell = (violation: string) => report(`${name}: ${violation}`);
  return {
    servers,
    latency,
    counts,
    kills: () => kills,
    fired: () => fired,
    async begin() {
      const { url } = await servers.start();
      latency.at(url);
      begun = Date.now();
      await createClient({ baseUrl: url }).webhooks.create({
        url: hooks.url,
        agent: "scribe",
        kinds: [WebhookKind.TASK],
      });
    },
    async run(signal: AbortSignal) {
      const load = { clients, name: `${seed}-${name.length}`, tasksAtOnce, signal, counts };
      await runLoad({ ...load, ended: hooks.expect, report: tell });
    },
    async kill() {
      kills += 1;
      await servers.kill();
      latency.at((await servers.start()).url);
    },
    async sample(time: number): Promise<Sample> {
      const seconds = (performance.now() - measured) / 1000;
      measured = performance.now();
      const throughput = round(progress / seconds);
      progress = 0;
      return {
        time,
        server: name,
        ...readProbe(probe),
        ...summarize(await latency.take()),
        throughput,
        kills,
        tasks: counts.tasks,
      };
    },
    /** Checks that the schedule fired once for each second, whatever was missed. What is late has some seconds to come. */
    async end() {
      const wanted = (Date.now() - begun) / 1000;
      const { url } = await servers.current();
      const { schedules } = createClient({ baseUrl: url });
      for (let waited = 0; waited < 20 && fired < wanted - 2; waited++) {
        await setTimeout(500);
        fired = Number((await schedules.get("scribe/tick")).fired);
      }
      const seconds = (Date.now() - begun) / 1000;
      if (fired < wanted - 2 || fired > seconds + 3) tell(`schedule: fired ${fired} times in ${seconds} s`);
    },
  };
}
