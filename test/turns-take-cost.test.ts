import { create, toBinary } from "@bufbuild/protobuf";
import { expect, it } from "vitest";
import { EventInputSchema } from "../src/proto.ts";
import { systemClock as clock } from "../src/server/index.ts";
import { createTurnMailbox } from "../src/server/mailbox/turn-mailbox.ts";
import { openStore } from "../src/server/open-store.ts";
import type { TakeEvents } from "../src/server/store/calls.ts";

it("a turn that takes again and again asks the store only when something may have come", async () => {
  const store = await openStore("memory:");
  const agent = "rig";
  const event = (text: string) => ({
    id: clock.id(),
    content: toBinary(
      EventInputSchema,
      create(EventInputSchema, { parts: [{ content: { case: "text", value: text } }] }),
    ),
  });
  const start = () =>
    store.startTurn({ taskId, owner: "here", agents: [agent], forced: false, now: clock.now() });
  await store.putAgents([{ name: agent, maxPending: 10, parallel: 1, keepDeltas: 0 }]);
  const taskId = clock.id();
  await store.createTask({ taskId, agent, labels: {}, event: event("first"), now: clock.now() });
  const { turn: creation } = await start();
  const effects = {
    output: [],
    changes: {},
    reads: [],
    followUps: [],
    outcome: { kind: "continue" as const },
  };
  await store.commitTurn({ taskId, turn: creation?.turn ?? 0, ...effects, now: clock.now() });
  const { turn } = await start();
  if (turn === undefined) throw new Error("there is no turn");

  let asked = 0;
  const { promise: noticed, resolve: notice } = Promise.withResolvers<void>();
  const counting = {
    ...store,
    takeEvents(args: TakeEvents) {
      asked += 1;
      return store.takeEvents(args);
    },
  };
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  const { signal } = new AbortController();
  const { mailbox, close } = createTurnMailbox({
    store: counting,
    turn,
    signal,
    clock,
    log,
    requireOpen: () => {},
  });
  for (let n = 0; n < 1000; n++) expect(await mailbox.take({ steering: n % 2 === 0 })).toEqual([]);
  // The creation of the task may be told late, and this turn's begin with it.
  expect(asked).toBeLessThanOrEqual(6);

  const before = asked;
  const unwatch = store.watch(() => notice());
  await store.sendEvent({ taskId, event: event("second"), now: clock.now() });
  await noticed;
  unwatch();
  const taken = await mailbox.take({ max: 10 });
  expect(taken.map(({ text }) => text)).toEqual(["second"]);
  expect(asked - before).toBeLessThanOrEqual(2);
  close();
  await store.close();
});
