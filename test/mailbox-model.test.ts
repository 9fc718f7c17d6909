import { isDeepStrictEqual } from "node:util";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { EventState } from "../src/proto.ts";
import type { Commit } from "../src/server/store/calls.ts";
import type { EventCounts, TaskRecord } from "../src/server/store/records.ts";
import { openSqliteStore } from "../src/server/store/sqlite/sqlite-store.ts";
import type { Store } from "../src/server/store/store.ts";
import { createView, follow, type LogView, shown } from "./log-view.ts";
import type { Call } from "./mailbox-model.ts";
import { type Beginning, beginnings, type Step, steps } from "./mailbox-steps.ts";
import { createCaller } from "./model/caller.ts";
import { checkCommits } from "./model/commits.ts";
import { outcomeOf, outcomeOnModel } from "./model/outcome.ts";
import { agentsOf, briefOf, briefOfModel, lookAtAgents, lookAtTask } from "./model/picture.ts";
import type { Model } from "./model/state.ts";
import { nextTime } from "./model/timers.ts";
import { propertySeed } from "./property-seed.ts";

/** Set MODEL_RUNS for more runs or fewer, MODEL_SEED for others. */
const runs = Number(process.env.MODEL_RUNS ?? 40);

let store: Store | undefined;
/** What the store has told of the changes of its numbers of events, added up by agent. */
const told = new Map<string, EventCounts>();
beforeAll(async () => {
  store = await openSqliteStore(":memory:", ({ events }) => {
    for (const [agent, { queued, scheduled, dead }] of events) {
      const sum = told.get(agent) ?? { queued: 0, scheduled: 0, dead: 0 };
      told.set(agent, {
        queued: sum.queued + queued,
        scheduled: sum.scheduled + scheduled,
        dead: sum.dead + dead,
      });
    }
  });
});
afterAll(() => store?.close());

it(`a mailbox does what the model does, whatever happens in whatever order (MODEL_SEED=${propertySeed})`, {
  timeout: 600_000 + runs * 1000,
}, async () => {
  let run = 0;
  const playRun = async (beginning: Beginning, steps: Step[][]) => {
    if (store === undefined) throw new Error("the store is not open");
    await play(store, `run${++run}.`, beginning, steps);
  };
  await fc.assert(fc.asyncProperty(beginnings, steps, playRun), { numRuns: runs });
  const counted = await store?.countEvents();
  expect(counted?.size).toBeGreaterThan(0);
  for (const [agent, counts] of told) {
    expect({ agent, ...counts }).toEqual({ agent, queued: 0, scheduled: 0, dead: 0, ...counted?.get(agent) });
  }
});

/** Plays steps on a store and on the model, with tasks of their own, and compares them after each. */
async function play(
  store: Store,
  prefix: string,
  { agent, depth }: Beginning,
  steps: Step[][],
): Promise<void> {
  const caller = createCaller(prefix);
  let model: Model = { agents: caller.agents, tasks: [], requests: [], stopped: [] };
  const views = new Map<string, LogView>();
  const cursors: { taskId: string; view: LogView }[] = [];
  const answers = new Map<string, object>();
  const commits: Commit[] = [];
  const unwatch = store.watch((commit) => commits.push(commit));
  await store.putAgents(caller.agents);
  try {
    for (let n = 0; n < depth; n++) await playStep([caller.create(model.tasks.at(-1), agent)]);
    for (const step of steps) await playStep(caller.callsFor(model, step, sequences()));
    await checkLogs();
  } finally {
    unwatch();
    await settle(store, prefix);
  }

  function sequences(): Map<string, number> {
    return new Map([...views].map(([id, { sequence }]) => [id, sequence]));
  }

  async function playStep(calls: Call[]): Promise<void> {
    const before = sequences();
    const outcomes = await Promise.all(calls.map((call) => outcomeOf(store, call, prefix)));
    const seen = { outcomes: outcomes.map(({ essence }) => essence), ...(await look()) };
    // Calls that are made at once happen in some order, as if alone.
    const order = [...calls.entries()];
    const possible = (calls.length > 1 ? [order, order.toReversed()] : [order]).map((order) => {
      let next = model;
      const wanted: object[] = [];
      for (const [index, call] of order) {
        const outcome = outcomeOnModel(next, call, before);
        next = outcome.model;
        wanted[index] = outcome.essence;
      }
      return { next, wanted: { outcomes: wanted, ...predict(next) } };
    });
    const match = possible.find(({ wanted }) => isDeepStrictEqual(wanted, seen)) ?? possible[0];
    expect(seen, JSON.stringify(calls)).toStrictEqual(match?.wanted);
    const after = match?.next ?? model;
    const grown = [...sequences()].filter(([id, end]) => end > (before.get(id) ?? 0)).map(([id]) => id);
    checkCommits(commits.splice(0), model, after, grown);
    model = after;
    for (const [index, call] of calls.entries()) {
      checkRepetition(call, outcomes[index]?.answer);
      if (calls.length === 1) checkNextTime(outcomes[index]?.answer);
    }
    if (calls.some(({ method }) => method === "fireTimers")) await checkLogs();
  }

  /** It is known when the next timer is due. What a store clears away by timers of its own may be due before. */
  function checkNextTime(answer: object | undefined): void {
    if (answer === undefined || !("nextTime" in answer)) return;
    const wanted = nextTime(model) ?? Number.POSITIVE_INFINITY;
    expect(answer.nextTime ?? Number.POSITIVE_INFINITY).toBeLessThanOrEqual(wanted);
  }

  /** A repeated request is answered with all that its first was (G8). */
  function checkRepetition({ args }: Call, answer: object | undefined): void {
    if (answer === undefined || !("duplicate" in answer) || !("request" in args)) return;
    const key = `${"labels" in args ? "" : args.taskId}/${args.request?.id}`;
    const first = answers.get(key);
    if (!answer.duplicate) answers.set(key, answer);
    else if (first !== undefined) expect(answer).toEqual({ ...first, duplicate: true });
  }

  /** What a client can see, after it has checked that the logs alone tell the same. */
  async function look() {
    const filter = { states: [], labels: {}, limit: 1000, maxBytes: 1e6, maxScanned: 1e6 };
    const pages = caller.agents.map(({ name }) => store.listTasks({ ...filter, agent: name }));
    const tasks = (await Promise.all(pages)).flatMap(({ items }) => items);
    for (const id of views.keys()) if (!tasks.some((task) => task.id === id)) views.delete(id);
    const [seen, agents] = await Promise.all([Promise.all(tasks.map(lookAt)), lookAtAgents(store, caller)]);
    return { tasks: byId(seen), ...agents };
  }

  /** What `look` must see if the store is as the model. */
  function predict(model: Model): Awaited<ReturnType<typeof look>> {
    return { tasks: byId(model.tasks.map(briefOfModel)), ...agentsOf(model, caller) };
  }

  async function lookAt(task: TaskRecord) {
    const view = views.get(task.id) ?? createView();
    views.set(task.id, view);
    const from = view.sequence;
    const [seen] = await Promise.all([lookAtTask(store, task), readOn(task.id, view)]);
    const { events, messages } = seen;
    expect(shown(view)).toEqual({ task, events, messages, sequence: task.sequence });
    expect(view.gaps).toEqual([]);
    for (const event of events) {
      if (event.state === EventState.DROPPED) expect(event.lastError).toBeDefined();
    }
    if (view.sequence > from) cursors.push({ taskId: task.id, view: structuredClone(view) });
    return briefOf(seen, prefix);
  }

  /** A log tells the same from every place that a reader may be at, and only deltas leave it (G4). */
  async function checkLogs(): Promise<void> {
    const live = [...views].map(([taskId]) => ({ taskId, view: createView() }));
    const places = [...live, ...cursors.filter(({ taskId }) => views.has(taskId)).slice(-40)];
    for (const { taskId, view } of places) {
      const wanted = views.get(taskId);
      const resumed = await readOn(taskId, structuredClone(view));
      expect(wanted && shown(resumed)).toEqual(wanted && shown(wanted));
      const messages = model.tasks.find(({ id }) => id === taskId)?.messages ?? [];
      const missed = resumed.gaps.map((gap) => wanted?.deltas[gap]);
      expect(missed).not.toContain(undefined);
      const kept = messages.filter(({ mayBeGone }) => !mayBeGone).map(({ id }) => id);
      expect(kept.filter((id) => missed.includes(id))).toEqual([]);
      if (view.sequence > 0 || caller.wentBack()) continue;
      const gone = messages.filter(({ gone }) => gone).map(({ id }) => id);
      expect(gone.filter((id) => Object.values(resumed.deltas).includes(id))).toEqual([]);
    }
  }

  /** Reads a log on from where a view is, a few entries at a time. */
  async function readOn(taskId: string, view: LogView): Promise<LogView> {
    for (;;) {
      const page = { taskId, afterSequence: view.sequence, maxEntries: 7, maxBytes: 1e9 };
      const { entries, lastSequence } = await store.readLog(page);
      for (const entry of entries) follow(view, entry);
      if (view.sequence === lastSequence) return view;
    }
  }
}

/** Has all timers fire and all turns end, so that the next run finds none. */
async function settle(store: Store, prefix: string): Promise<void> {
  const now = 4e12;
  const owner = `${prefix}-nobody`;
  while ((await store.recoverTurns({ owner, maxLosses: 0, limit: 100, now })) === 100);
  while ((await store.fireTimers({ now: 2 * now, limit: 100 })).nextTime !== undefined);
}

function byId<T extends { id: string }>(items: T[]): T[] {
  return items.sort((a, b) => (a.id < b.id ? -1 : 1));
}
