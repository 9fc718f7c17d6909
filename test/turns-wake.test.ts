import { create } from "@bufbuild/protobuf";
import { context, createContextKey, ROOT_CONTEXT } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { expect, it, onTestFinished } from "vitest";
import { CreateTaskRequestSchema, SendEventRequestSchema } from "../src/proto.ts";
import { createLocalEngine } from "../src/server/engine/local-engine.ts";
import {
  type AgentDefinition,
  systemClock as clock,
  defineAgent,
  type TurnContext,
} from "../src/server/index.ts";
import { createMailbox, type Mailbox } from "../src/server/mailbox/mailbox.ts";
import { openStore } from "../src/server/open-store.ts";
import { createTaskLog } from "../src/server/task-log/task-log.ts";
import { createGate } from "./agents/rig.ts";

/** Counts the events that were handled for each task. */
function createCounter() {
  const counts = new Map<string, number>();
  const awaited = new Map<string, { count: number; resolve(): void }>();
  return {
    add(taskId: string) {
      const count = (counts.get(taskId) ?? 0) + 1;
      counts.set(taskId, count);
      const waiting = awaited.get(taskId);
      if (count === waiting?.count) waiting.resolve();
    },
    reached(taskId: string, count: number): Promise<void> {
      if (counts.get(taskId) === count) return Promise.resolve();
      return new Promise((resolve) => awaited.set(taskId, { count, resolve }));
    },
  };
}

/** What a test holds up: the engine before it asks for a turn, the mailbox before it is told that a task is made. */
interface Holds {
  asking?(): unknown;
  created?(taskId: string): unknown;
}

/** Runs agents without a network between, and counts how often their engine looks for what is due, and asks for a turn. */
async function startEngine(
  definitions: AgentDefinition[],
  maxTurns: number,
  { asking, created }: Holds = {},
) {
  const agents = new Map(definitions.map((definition) => [definition.name, defineAgent(definition)]));
  const errors: unknown[] = [];
  const log = { info: () => {}, warn: () => {}, error: (...error: unknown[]) => errors.push(error) };
  const store = await openStore("memory:");
  const counts = { looks: 0, asked: 0 };
  const counting: typeof store = {
    ...store,
    dueTasks(args) {
      counts.looks += 1;
      return store.dueTasks(args);
    },
    async startTurn(args) {
      counts.asked += 1;
      await asking?.();
      return await store.startTurn(args);
    },
    async createTask(args) {
      const answer = await store.createTask(args);
      await created?.(args.taskId);
      return answer;
    },
  };
  const taskLog = createTaskLog({ store, clock, heartbeat: 15_000 });
  const engine = createLocalEngine({ store: counting, agents, taskLog, clock, log, maxTurns });
  const mailbox = createMailbox({ store: counting, agents, accept: engine.accept, clock });
  for (const { name, mailbox } of agents.values())
    await store.putAgents([{ name, ...mailbox, keepDeltas: 0 }]);
  await engine.start();
  return {
    store,
    mailbox,
    counts,
    async create(agent: string): Promise<string> {
      return (await mailbox.createTask(create(CreateTaskRequestSchema, { agent }))).task.id;
    },
    async [Symbol.asyncDispose]() {
      await engine.stop(0);
      taskLog.close();
      await store.close();
      expect(errors).toEqual([]);
    },
  };
}

// Events come within the microseconds in which the engine forgets a task that has no more work.
it("no event is overlooked that comes as its task runs out of work", async () => {
  const handled = createCounter();
  const counter = { name: "counter", onTaskEventSend: (ctx: TurnContext) => handled.add(ctx.task.id) };
  await using engine = await startEngine([counter], 1_000);
  await Promise.all(Array.from({ length: 40 }, (_, task) => lead(engine.mailbox, handled.reached, task)));
});

it("an idle task begins its turn with what makes it due, and the store is not asked for it", async () => {
  const handled = createCounter();
  const counter = { name: "counter", onTaskEventSend: (ctx: TurnContext) => handled.add(ctx.task.id) };
  await using engine = await startEngine([counter], 10);
  await lead(engine.mailbox, handled.reached, 0);
  expect(engine.counts.asked).toBeLessThan(60);
});

it("a turn has nothing of what is active where it is made due", async () => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  onTestFinished(() => context.disable());
  const caller = createContextKey("caller");
  const seen = Promise.withResolvers<unknown>();
  const onTaskCreate = () => seen.resolve(context.active().getValue(caller));
  await using engine = await startEngine([{ name: "looker", onTaskCreate, onTaskEventSend: () => {} }], 10);
  await context.with(ROOT_CONTEXT.setValue(caller, "somebody"), () => engine.create("looker"));
  expect(await seen.promise).toBeUndefined();
});

// As when it is cancelled by name, or as a child.
it("a turn that is stopped before its task's creation is answered does not begin", async () => {
  const order: string[] = [];
  const cancelled = Promise.withResolvers<void>();
  const agent = {
    name: "brief",
    onTaskCreate: () => void order.push("create"),
    onTaskEventSend: () => {},
    onTaskCancel() {
      order.push("cancel");
      cancelled.resolve();
    },
  };
  await using engine = await startEngine([agent], 10, {
    created: (taskId) => engine.store.cancelTask({ taskId, now: clock.now() }),
  });
  await engine.create("brief");
  await cancelled.promise;
  expect(order).toEqual(["cancel"]);
});

// More of them than one look at the store brings.
it("tasks whose handlers are still to settle hold nobody up, and are not looked at again and again", async () => {
  const many = 520;
  const [stubborn, quick] = [createCounter(), createCounter()];
  const settle = Promise.withResolvers<void>();
  const agents = [
    {
      ...{ name: "stubborn", cancelGrace: 20_000, onTaskEventSend: () => {} },
      onTaskCreate() {
        stubborn.add("all");
        return settle.promise;
      },
    },
    { name: "quick", onTaskCreate: () => quick.add("all"), onTaskEventSend: () => {} },
  ];
  await using engine = await startEngine(agents, 600);
  const { store } = engine;
  const createMany = (agent: string) => Promise.all(Array.from({ length: many }, () => engine.create(agent)));
  const running = stubborn.reached("all", many);
  const taskIds = await createMany("stubborn");
  await running;
  await Promise.all(taskIds.map((taskId) => store.cancelTask({ taskId, now: clock.now() })));
  const handled = quick.reached("all", many);
  await createMany("quick");
  await handled;
  const { looks } = engine.counts;
  // The store answers one after the other: whoever looks again and again looks between these.
  for (let n = 0; n < 100; n++) await store.getTask({ id: "nobody" });
  expect(engine.counts.looks - looks).toBeLessThan(10);
  settle.resolve();
});

// As when the answer is under way while the task is cancelled.
it("a turn that is started after the one beside it was stopped waits until that has settled", async () => {
  const [running, cancelled] = [createGate(), createGate()];
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  const order: string[] = [];
  let holding = false;
  const agent = {
    ...{ name: "pair", mailbox: { parallel: 2 }, cancelGrace: 20_000 },
    async onTaskEventSend(ctx: TurnContext) {
      await running.pass(ctx);
      order.push("settled");
    },
    onTaskCancel(ctx: TurnContext) {
      order.push("cancel");
      cancelled.open();
      return cancelled.pass(ctx);
    },
  };
  const asking = () => {
    if (!holding) return undefined;
    asked.resolve();
    return answer.promise;
  };
  await using engine = await startEngine([agent], 10, { asking });
  const { store } = engine;
  const taskId = await engine.create("pair");
  const send = () =>
    store.sendEvent({ taskId, event: { id: clock.id(), content: new Uint8Array() }, now: clock.now() });
  await send();
  const { signal } = await running.reached;
  holding = true;
  await send();
  await asked.promise;
  const stopped = new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  await store.cancelTask({ taskId, now: clock.now() });
  await stopped;
  answer.resolve();
  // The store answers one after the other: the turn is started by then.
  for (let n = 0; n < 3; n++) await store.getTask({ id: taskId });
  running.open();
  await cancelled.reached;
  expect(order).toEqual(["settled", "cancel"]);
});

/** Sends events to a task of its own, a few at a time, and waits until they are handled before it sends more, which would wake the task. */
async function lead(
  mailbox: Mailbox,
  reached: (taskId: string, count: number) => Promise<void>,
  pace: number,
): Promise<void> {
  const { task } = await mailbox.createTask(create(CreateTaskRequestSchema, { agent: "counter" }));
  const parts = [{ content: { case: "text" as const, value: "count" } }];
  for (let round = 0; round < 60; round++) {
    const sends: Promise<unknown>[] = [];
    for (let index = 0; index < 3; index++) {
      for (let ticks = (round * 7 + (index + 1) * pace) % 8; ticks > 0; ticks--)
        await new Promise(setImmediate);
      sends.push(mailbox.sendEvent(create(SendEventRequestSchema, { taskId: task.id, parts })));
    }
    await Promise.all(sends);
    await reached(task.id, (round + 1) * 3);
  }
}
