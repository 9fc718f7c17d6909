import { create, toBinary } from "@bufbuild/protobuf";
import { expect, it } from "vitest";
import { EventInputSchema } from "../src/proto.ts";
import { type Clock, systemClock as clock } from "../src/server/index.ts";
import { createTurnMailbox } from "../src/server/mailbox/turn-mailbox.ts";
import { openStore } from "../src/server/open-store.ts";
import type { StartedTurn, TakeEvents } from "../src/server/store/calls.ts";
import type { Store } from "../src/server/store/store.ts";
import { createManualClock } from "./manual-clock.ts";

const log = { info: () => {}, warn: () => {}, error: () => {} };

/** A task in a store, and the turn of its first event. */
async function startTask(maxPending: number) {
  const store = await openStore("memory:");
  const agent = "rig";
  const taskId = clock.id();
  const event = (text: string) => ({
    id: clock.id(),
    content: toBinary(
      EventInputSchema,
      create(EventInputSchema, { parts: [{ content: { case: "text", value: text } }] }),
    ),
  });
  const send = (text: string) => store.sendEvent({ taskId, event: event(text), now: clock.now() });
  const start = async () => {
    const begin = { taskId, owner: "here", agents: [agent], forced: false, now: clock.now() };
    const { turn } = await store.startTurn(begin);
    if (turn === undefined) throw new Error("there is no turn");
    return turn;
  };
  await store.putAgents([{ name: agent, maxPending, parallel: 1, keepDeltas: 0 }]);
  await store.createTask({ taskId, agent, labels: {}, event: event("first"), now: clock.now() });
  const { turn } = await start();
  const effects = {
    output: [],
    changes: {},
    reads: [],
    followUps: [],
    outcome: { kind: "continue" as const },
  };
  await store.commitTurn({ taskId, turn, ...effects, now: clock.now() });
  return { store, send, turn: await start() };
}

/** The mailbox as a turn sees it. */
function mailboxOf(store: Store, turn: StartedTurn, time: Clock = clock) {
  const { signal } = new AbortController();
  return createTurnMailbox({ store, turn, signal, clock: time, log, requireOpen: () => {} });
}

it("a turn that takes again and again asks the store only when something may have come", async () => {
  const { store, send, turn } = await startTask(10);
  let asked = 0;
  const { promise: noticed, resolve: notice } = Promise.withResolvers<void>();
  const counting = {
    ...store,
    takeEvents(args: TakeEvents) {
      asked += 1;
      return store.takeEvents(args);
    },
  };
  const { mailbox, close } = mailboxOf(counting, turn);
  for (let n = 0; n < 1000; n++) expect(await mailbox.take({ steering: n % 2 === 0 })).toEqual([]);
  // The creation of the task may be told late, and this turn's begin with it.
  expect(asked).toBeLessThanOrEqual(6);

  const before = asked;
  const unwatch = store.watch(() => notice());
  await send("second");
  await noticed;
  unwatch();
  const taken = await mailbox.take({ max: 10 });
  expect(taken.map(({ text }) => text)).toEqual(["second"]);
  expect(asked - before).toBeLessThanOrEqual(2);
  close();
  await store.close();
});

it("a turn takes 10,000 events at most, and leaves the others to the next", async () => {
  const { store, send, turn } = await startTask(20_000);
  await Promise.all(Array.from({ length: 10_000 }, (_, n) => send(`${n}`)));
  const time = createManualClock();
  const { mailbox, close } = mailboxOf(store, turn, time);
  const taken: number[] = [];
  for (let n = 0; n < 10; n++) taken.push((await mailbox.take({ max: 1000, wait: 60_000 })).length);
  expect(taken).toEqual([...Array(9).fill(1000), 999]);
  expect(await mailbox.take()).toEqual([]);
  // As if none came: who asks again and again would let nothing else run.
  const waits = time.timerSet().then(() => "waits");
  const given = mailbox.take({ wait: 60_000 });
  expect(await Promise.race([waits, given])).toBe("waits");
  time.advance(60_000);
  expect(await given).toEqual([]);
  close();
  await store.close();
});
