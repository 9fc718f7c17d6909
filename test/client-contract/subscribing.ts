import { createClient, isReason, PigeonholeError, type TaskUpdate } from "../../src/client/index.ts";
import type { ClientFact, Place } from "./fact.ts";
import type { Act, Failure, Scripted } from "./script.ts";

/** The rules of the real policy, without its waits. */
const quickly = { initialBackoff: 1, maxBackoff: 2 };
const stopping: Failure = { code: 14, reason: "SERVER_STOPPING" };

/** What a subscription promises, over a server that does as it is told. */
export const subscribing: ClientFact[] = [
  {
    name: "shows the log in order and ends when the server does",
    expected: [1, 2, 3],
    find: async (place) => sequences(await read(place, [{ show: [1, 2, 3] }])),
  },
  {
    name: "shows heartbeats only when asked",
    expected: [
      ["task", "task"],
      ["task", "heartbeat", "task"],
    ],
    async find(place) {
      const acts: Act[] = [{ show: [1, "beat", 2] }];
      const cases = async (heartbeats: boolean) =>
        (await read(place, acts, { heartbeats })).map(({ entry }) => entry.case);
      return [await cases(false), await cases(true)];
    },
  },
  {
    name: "begins after the sequence it is given",
    expected: [42, 43],
    find: async (place) => sequences(await read(place, [{ upTo: 43 }], { afterSequence: 41n })),
  },
  {
    name: "drops what it has shown already",
    expected: [1, 2, 3, 4, 5, 6],
    async find(place) {
      const [two, four] = [
        [1, 2],
        [1, 2, 3, 4],
      ];
      const acts = [{ show: two, end: stopping }, { show: four, end: stopping }, { show: [...four, 5, 6] }];
      return sequences(await read(place, acts));
    },
  },
  {
    name: "waits at least as long as the server asks",
    expected: [2, true],
    async find(place) {
      const overloaded = { code: 8, reason: "OVERLOADED", retryAfter: 60 };
      const { tasks, script } = await play(place, [{ end: overloaded }, { show: [1] }]);
      await collect(tasks.subscribe("t"));
      const [first, second, ...more] = await script.seen();
      return [2 + more.length, (second?.time ?? 0) - (first?.time ?? 0) >= 59];
    },
  },
  ...[
    { code: 5, reason: "TASK_NOT_FOUND" },
    { code: 11, reason: "SEQUENCE_OUT_OF_RANGE" },
    { code: 3, reason: "FIELD_INVALID" },
    { code: 8, reason: "OVERLOADED" },
    { code: 13, reason: "INTERNAL" },
  ].map(
    (failure): ClientFact => ({
      name: `throws what cannot be mended: ${failure.reason}`,
      expected: [failure, 1],
      async find(place) {
        const { tasks, script } = await play(place, [{ end: failure }]);
        return [await errorOf(collect(tasks.subscribe("t"))), (await script.seen()).length];
      },
    }),
  ),
  {
    name: "gives up after so many failures in a row, counted anew after progress",
    expected: ["SERVER_STOPPING", 6, 5],
    async find(place) {
      const progress = [1, 2, 3, 4].map((sequence) => ({ show: [sequence], end: stopping }));
      const { tasks, script } = await play(place, [...progress, { end: stopping }, { end: stopping }]);
      let interrupts = 0;
      const updates = tasks.subscribe("t", {
        maxAttempts: 3,
        onInterrupt: (error) => {
          if (isReason(error, "SERVER_STOPPING")) interrupts += 1;
        },
      });
      const { reason } = await errorOf(collect(updates));
      return [reason, (await script.seen()).length, interrupts];
    },
  },
  {
    name: "does not take the heartbeat that ends a replay for progress, but a later one",
    expected: ["SERVER_STOPPING", 3],
    async find(place) {
      const acts: Act[] = [["beat"], ["beat", "beat"], ["beat"]].map((show) => ({
        show: show.map(() => "beat" as const),
        end: stopping,
      }));
      const { tasks, script } = await play(place, acts);
      const { reason } = await errorOf(collect(tasks.subscribe("t", { maxAttempts: 2 })));
      return [reason, (await script.seen()).length];
    },
  },
  {
    name: "takes a connection on which nothing comes for dead",
    expected: [1, 2],
    async find(place) {
      const { tasks, script } = await play(place, [{ upTo: 1, end: "hang" }, { upTo: 2 }]);
      const found = sequences(await collect(tasks.subscribe("t", { idleTimeout: 500 })));
      await script.left();
      return found;
    },
  },
  {
    name: "resumes after its connection breaks",
    expected: { seen: [1, 2, 3, 4, 5, 6, 7, 8, 9], asked: [0, 3, 6] },
    async find(place) {
      const { tasks, script } = await play(place, [
        { upTo: 3, end: "hang" },
        { upTo: 6, end: "hang" },
        { upTo: 9 },
      ]);
      const seen: number[] = [];
      for await (const { sequence } of tasks.subscribe("t")) {
        seen.push(Number(sequence));
        if (sequence === 3n || sequence === 6n) await script.cut();
      }
      return { seen, asked: (await script.seen()).map(({ afterSequence }) => afterSequence) };
    },
  },
  {
    name: "resumes at a server that was away and is there again",
    expected: { seen: [1, 2, 3, 4], interrupted: true },
    async find(place) {
      const away = Array.from({ length: 6 }, (): Act => ({ end: "cut" }));
      const { tasks, script } = await play(place, [{ upTo: 2, end: "hang" }, ...away, { upTo: 4 }]);
      const seen: number[] = [];
      let interrupts = 0;
      const onInterrupt = () => {
        interrupts += 1;
      };
      for await (const { sequence } of tasks.subscribe("t", { onInterrupt })) {
        seen.push(Number(sequence));
        if (sequence === 2n) await script.cut();
      }
      // A browser may repeat a request by itself whose connection broke before a word of the answer.
      return { seen, interrupted: interrupts >= 3 };
    },
  },
  {
    name: "ends its call when the loop is left",
    expected: [1],
    async find(place) {
      const { tasks, script } = await play(place, [{ upTo: 1, end: "hang" }]);
      const seen: number[] = [];
      for await (const { sequence } of tasks.subscribe("t")) {
        seen.push(Number(sequence));
        break;
      }
      await script.left();
      return seen;
    },
  },
  {
    name: "throws the signal's reason when aborted while it waits for the server",
    expected: "Error: enough",
    async find(place) {
      const { tasks, script } = await play(place, [{ upTo: 1, end: "hang" }]);
      const stop = new AbortController();
      const updates = tasks.subscribe("t", { signal: stop.signal });
      await updates.next();
      const waiting = updates.next();
      stop.abort(new Error("enough"));
      const thrown = await waiting.catch(String);
      await script.left();
      return thrown;
    },
  },
  {
    name: "throws the signal's reason when aborted between two tries",
    expected: ["Error: enough", 1],
    async find(place) {
      const script = await place.script([{ end: stopping }]);
      const retry = { initialBackoff: 1e9, maxBackoff: 1e9 };
      const { tasks } = createClient({ transport: place.connect(script.baseUrl), retry });
      const stop = new AbortController();
      const onInterrupt = () => queueMicrotask(() => stop.abort(new Error("enough")));
      const updates = tasks.subscribe("t", { signal: stop.signal, onInterrupt });
      return [await collect(updates).catch(String), (await script.seen()).length];
    },
  },
  {
    name: "makes no call when the signal is aborted from the start",
    expected: ["Error: enough", 0],
    async find(place) {
      const { tasks, script } = await play(place, []);
      const signal = AbortSignal.abort(new Error("enough"));
      return [await collect(tasks.subscribe("t", { signal })).catch(String), (await script.seen()).length];
    },
  },
];

/** Has a script played, and makes a client of it. */
async function play(place: Place, acts: readonly Act[]) {
  const script: Scripted = await place.script(acts);
  return { script, ...createClient({ transport: place.connect(script.baseUrl), retry: quickly }) };
}

async function read(
  place: Place,
  acts: readonly Act[],
  options: { heartbeats?: boolean; afterSequence?: bigint } = {},
): Promise<TaskUpdate[]> {
  const { tasks } = await play(place, acts);
  return await collect(tasks.subscribe("t", options));
}

async function collect(updates: AsyncIterable<TaskUpdate>): Promise<TaskUpdate[]> {
  const collected: TaskUpdate[] = [];
  for await (const update of updates) collected.push(update);
  return collected;
}

const sequences = (updates: readonly TaskUpdate[]) => updates.map(({ sequence }) => Number(sequence));

async function errorOf(call: Promise<unknown>): Promise<{ code?: number; reason: string }> {
  try {
    await call;
    return { reason: "none" };
  } catch (error) {
    if (error instanceof PigeonholeError) return { code: error.code, reason: error.reason };
    return { reason: String(error) };
  }
}
