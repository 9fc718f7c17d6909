import { create } from "@bufbuild/protobuf";
import { expect, it } from "vitest";
import { CreateTaskRequestSchema, SendEventRequestSchema } from "../src/proto.ts";
import { createLocalEngine } from "../src/server/engine/local-engine.ts";
import { systemClock as clock, defineAgent } from "../src/server/index.ts";
import { createMailbox, type Mailbox } from "../src/server/mailbox/mailbox.ts";
import { openStore } from "../src/server/open-store.ts";
import { createTaskLog } from "../src/server/task-log/task-log.ts";

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

// Without a network between, so that events come within the microseconds in which the engine forgets a task that has no more work.
it("no event is overlooked that comes as its task runs out of work", async () => {
  const handled = createCounter();
  const agent = defineAgent({ name: "counter", onTaskEventSend: (ctx) => handled.add(ctx.task.id) });
  const agents = new Map([[agent.name, agent]]);
  const errors: unknown[] = [];
  const log = { info: () => {}, warn: () => {}, error: (...error: unknown[]) => errors.push(error) };
  const store = await openStore("memory:");
  const taskLog = createTaskLog({ store, clock, heartbeat: 15_000 });
  const engine = createLocalEngine({ store, agents, taskLog, clock, log, maxTurns: 1_000 });
  const mailbox = createMailbox({ store, agents, clock });
  await store.putAgents([{ name: agent.name, maxPending: 100, parallel: 1, keepDeltas: 0 }]);
  await engine.start();
  await Promise.all(Array.from({ length: 40 }, (_, task) => lead(mailbox, handled.reached, task)));
  await engine.stop(0);
  taskLog.close();
  await store.close();
  expect(errors).toEqual([]);
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
