import type { Transport } from "@connectrpc/connect";
import type { Agent } from "../../../src/server/agent.ts";
import type { Store } from "../../../src/server/store/store.ts";
import { createScribe } from "../../agents/scribe.ts";
import { listTasks } from "../../crash-calls.ts";
import { checkHistory } from "../../crash-check.ts";
import type { Clients } from "../../crash-clients.ts";
import type { StoreHistory } from "../../crash-history.ts";
import { leadTask, plainTypes } from "../../crash-life.ts";
import { createRandom, type Random } from "../../crash-random.ts";
import { type Connection, connect } from "./connection.ts";
import { createDisk, type Haste } from "./disk.ts";
import { type House, openHouse } from "./house.ts";
import { createJudge } from "./judge.ts";
import { createLine, type Line, type Shared } from "./line.ts";
import { createPlayed } from "./played.ts";
import { createReceiver } from "./receiver.ts";
import { pickRules, type SimulatedRules } from "./rules.ts";
import { keepSchedule } from "./schedule-owner.ts";
import { awaitTicks, checkTicks, periodOf } from "./ticks.ts";
import { keepWebhook } from "./webhook-owner.ts";
import { createWorld, type Move } from "./world.ts";

/** A bug, put in at a seam. */
export interface Bug {
  haste?: Haste;
  store?(store: Store): Store;
  agent?(agent: Agent): Agent;
}

/** What came of a simulation. */
export interface Simulated {
  /** What does not hold, each beginning with the guarantee that is broken. */
  violations: string[];
  /** The moves that were made last. */
  lately: string[];
  moves: number;
  /** Stands for all moves, in their order. */
  hash: number;
  kills: number;
  zombies: number;
  /** How often a server was told to stop, and did. */
  stops: number;
  history: StoreHistory;
  /** How often what there is to play was played. */
  played: Record<string, number>;
}

/** A process that serves. */
interface Process {
  alive: boolean;
  /** Whether clients may call it. */
  serving: boolean;
  line: Line;
  gone: PromiseWithResolvers<void>;
  stop?: House["stop"];
}

/** What its clients send besides what those of the kill tests do: see the scribe. */
const wideTypes = [
  ...(["apart", "apart", "later", "gathered", "ask", "hurry"] as const),
  ...(["remind", "remind", "remind", "poison"] as const),
  ...(["commission", "commission", "recall"] as const),
] as const;

/** The one that all runs of this process have, one after the other. */
const disk = createDisk();

/** Picks what clients send: of everything, or, as often as not, of a few things, of which more then come together (swarm testing). */
function pickTypes(random: Random, { onBusy }: Pick<SimulatedRules, "onBusy">): Clients["types"] & object {
  // A reminder or a report that interrupts might drop what is to finish the task.
  const mayDrop = (type: string) => onBusy === "interrupt" && ["remind", "commission"].includes(type);
  const all = [...plainTypes, ...wideTypes.filter((type) => !mayDrop(type))] as const;
  if (random.chance(0.5)) return all;
  return [random.pick(all), random.pick(all), random.pick(all)];
}

/** Plays a run that a seed determines, of clients, servers, crashes and a disk, and checks what the clients saw. */
export async function simulate(seed: number, bug: Bug = {}): Promise<Simulated> {
  const world = createWorld(seed);
  const { random } = world;
  disk.empty(bug.haste !== undefined);
  const violations: string[] = [];
  const lines = new Set<Line>();
  const failures = random.pick([0, 0, 0.02, 0.1]);
  const { greets, ...rules } = pickRules(random);
  const { tick } = rules.schedules ?? {};
  // What ticks every second has much to make up for.
  const mostSeconds = tick !== undefined && periodOf(tick.cron) <= 1_000 ? 10 : 400;
  // Where there is little room, turns wait for it in the store.
  const fewTurns = random.pick([1, 2, 100, 100]);
  // What ticks every second would have ever more wait.
  const maxTurns = mostSeconds <= 10 ? 100 : fewTurns;
  const played = createPlayed();
  const { committed, running, compareEnd } = createJudge({ ...rules, greets }, played, (violation) =>
    violations.push(violation),
  );
  // What ticks would have ever more to post.
  const posts = tick === undefined && random.chance(0.1);
  const receiver = posts ? createReceiver(random, world.progress) : undefined;
  const shared: Shared = { disk, haste: bug.haste, random, failures, lines, committed };
  const breaks = random.pick([0, 0, 0.02, 0.1]);
  let crashes = random.pick([0, 1, 2, 4, 8]);
  let orders = random.pick([0, 0, 1, 3]);
  let kills = 0;
  let stops = 0;
  let zombies = 0;
  let started = 0;
  let up = Promise.withResolvers<{ transport: Transport; gone: Promise<void> }>();
  let current: Process | undefined;
  const clock = world.clockFor({ alive: true });
  const pause = (time: number) => new Promise<void>((resolve) => clock.timer(time, resolve));

  const clients: Clients = {
    servers: { current: connected },
    random: createRandom(seed + 1),
    now: world.now,
    pause,
    unsends: 0.15,
    // What is posted is compared with what the log says, which has to be there.
    ...(!posts && { deletes: 0.3 }),
    limits: { chance: 0.15, min: 20, max: 400 },
    // Many short runs find more than a few long ones.
    ...(random.chance(0.8) && { sends: { min: 1, max: 2 } }),
    types: pickTypes(random, rules),
    progress: world.progress,
  };
  const history: StoreHistory = {
    rules: {
      ...rules.mailbox,
      greets,
      turnTimeout: rules.turnTimeout,
      compacts: rules.keepDeltas !== undefined,
    },
    tasks: [],
    abandoned: [],
    listed: [],
  };
  const leading = lead();
  leading.catch(() => {});
  try {
    await world.play(moves, leading);
    await leading;
    violations.push(...checkHistory(history), ...history.tasks.flatMap(compareEnd));
    violations.push(...(receiver?.check(history.tasks) ?? []));
    played.noteEnd(history, receiver?.counts());
  } catch (error) {
    violations.push(
      error instanceof Error ? `${error.message} ${error.stack} ${error.cause}` : String(error),
    );
  } finally {
    for (const line of lines) line.cut(0);
    checkDisk();
  }
  const { counts } = played;
  return {
    violations,
    lately: world.lately(),
    ...world.traced(),
    kills,
    zombies,
    stops,
    history,
    played: counts,
  };

  async function connected(): Promise<Connection> {
    const { transport, gone } = await up.promise;
    return connect(transport, gone, random, breaks);
  }

  async function lead(): Promise<void> {
    const names = Array.from({ length: random.pick([1, 1, 2]) }, (_, index) => `${seed}-${index}`);
    await Promise.all(
      names.map(async (name) => {
        const life = await leadTask(clients, name);
        if ("history" in life) history.tasks.push(life.history);
        else history.abandoned.push(life.abandoned);
      }),
    );
    if (tick !== undefined) {
      const keeping = keepSchedule("scribe/tick", periodOf(tick.cron), random, connected, pause);
      keeping.catch(() => {});
      const times = await awaitTicks(clients, tick, random.between(2, 4), keeping);
      violations.push(...checkTicks(times, tick, await keeping));
    }
    if (receiver !== undefined) {
      const all = receiver.awaitAll(history.tasks);
      await Promise.all([all, keepWebhook(receiver, connected, pause, all)]);
    }
    // What it has made goes on without a task that was deleted.
    if (history.tasks.some(({ deleted }) => deleted)) await pause(random.between(0, 500));
    history.listed = await listTasks(clients);
  }

  function moves(): Move[] {
    if (current === undefined) return [{ name: "start", weight: 1, make: start }];
    const possible = [...lines].flatMap((line) => line.moves()).concat(receiver?.moves() ?? []);
    if (crashes > 0 && possible.length > 0) possible.push({ name: "kill", weight: 0.05, make: kill });
    if (orders > 0 && current.serving) possible.push({ name: "stop", weight: 0.05, make: stop });
    return possible;
  }

  function start(): void {
    const line = createLine(`p${++started}`, shared);
    const process: Process = { alive: true, serving: false, line, gone: Promise.withResolvers() };
    lines.add(line);
    current = process;
    const clock = world.clockFor(process);
    // A handler writes on at once as often as not: a move for each word would be most of all moves.
    const pace = async (time: number) => {
      if (random.chance(0.4)) await new Promise<void>((resolve) => clock.timer(time, resolve));
    };
    const agent = createScribe(pace, rules, greets);
    const house = openHouse({
      store: bug.store?.(line.store) ?? line.store,
      agent: bug.agent?.(agent) ?? agent,
      maxTurns,
      post: receiver?.post,
      clock,
      defect: (error) => violations.push(`G7 an error of the server's own: ${String(error)}`),
    });
    const gone = process.gone.promise;
    house.then(
      ({ transport, stop }) => {
        if (process !== current) return;
        Object.assign(process, { serving: true, stop });
        up.resolve({ transport, gone });
      },
      // It cannot begin, and ends.
      () => process === current && kill(),
    );
  }

  /** Tells the process that serves to stop: it takes no more calls, and ends when nothing runs, with nothing left in hand. */
  function stop(): void {
    const process = current;
    if (process?.stop === undefined) return;
    orders -= 1;
    process.serving = false;
    up = Promise.withResolvers();
    process.gone.resolve();
    process.stop(random.between(0, 60)).then(
      () => {
        if (process !== current) return;
        current = undefined;
        stops += 1;
        end(process, 0);
        if (failures === 0 && running() > 0)
          violations.push(`G3 a server that has stopped left ${running()} turns`);
      },
      (error: unknown) => violations.push(`G7 it cannot stop: ${String(error)}`),
    );
  }

  /** Kills the process that serves; or takes it for dead, and it is not. */
  function kill(): void {
    const process = current;
    if (process === undefined) return;
    kills += 1;
    crashes -= 1;
    current = undefined;
    // Whoever waits for a server already goes on waiting.
    if (process.serving) up = Promise.withResolvers();
    // Now and then nobody is there to start another for a while, and more often where times are missed meanwhile.
    if (random.chance(tick === undefined ? 0.2 : 0.6)) world.pass(1_000 * random.between(1, mostSeconds));
    process.gone.resolve();
    if (bug.haste === undefined && random.chance(0.3)) {
      zombies += 1;
      process.line.abandon();
      return;
    }
    end(process, random.between(0, 2));
  }

  function end(process: Process, lastWrites: number): void {
    process.alive = false;
    process.line.cut(lastWrites);
    lines.delete(process.line);
    checkDisk();
  }

  /** Checks what a process that is gone has left, or all of them: what the tables say of each other holds at any time. */
  function checkDisk(): void {
    const findings = disk.check(world.now());
    violations.push(...findings.map((finding) => `G7 store check finds ${JSON.stringify(finding)}`));
  }
}
