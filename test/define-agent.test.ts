import { describe, expect, it } from "vitest";
import { type AgentDefinition, defineAgent, type TurnContext } from "../src/server/index.ts";
import { startRig } from "./agents/rig.ts";

const plain: AgentDefinition = { name: "plain", onTaskEventSend: () => {} };
const { onTaskEventSend: _, ...bare } = plain;
const batching = { ...bare, onTaskEventBatch: () => {} };

describe("an agent", () => {
  it("has every choice made", () => {
    expect(defineAgent(plain)).toMatchObject({
      mailbox: { maxPending: 10_000, parallel: 1 },
      onBusy: "queue",
      retry: { maxAttempts: 5, initialBackoff: 1000, maxBackoff: 60_000, onExhausted: "dead-letter" },
      cancelGrace: 5000,
      keepDeltas: 3_600_000,
      stateHistory: 10,
    });
  });

  it("stays what it is when it is defined again", () => {
    const agent = defineAgent({ ...batching, mailbox: { batch: { max: 2, wait: 0 } } });
    expect(defineAgent(agent)).toEqual(agent);
  });

  it("may be an object of a class, which has its fields, and on which its handlers are called", async () => {
    class Counter implements AgentDefinition {
      #count = 0;
      get name() {
        return "counter";
      }
      get retention() {
        return 60_000;
      }
      onTaskEventSend(ctx: TurnContext): void {
        this.#count += 1;
        ctx.complete(String(this.#count));
      }
    }
    const agent = defineAgent(defineAgent(new Counter()));
    expect(agent.retention).toBe(60_000);
    await using rig = await startRig({}, { agents: [agent] });
    for (const count of ["1", "2"]) {
      const { task } = await rig.tasks.create({ agent: "counter", event: "count" });
      await rig.end(task.id);
      expect((await rig.tasks.get(task.id)).statusReason).toBe(count);
    }
  });

  it.each<[string, AgentDefinition, string]>([
    ["a name that is none", { ...plain, name: "Plain" }, "name"],
    ["no handler of events", bare, "onTaskEventSend"],
    ["a handler that is none", { ...plain, onTaskCreate: JSON.parse("true") }, "onTaskCreate"],
    ["a batch of 0", { ...batching, mailbox: { batch: { max: 0, wait: 0 } } }, "mailbox.batch.max"],
    ["a batch of 1,001", { ...batching, mailbox: { batch: { max: 1001, wait: 0 } } }, "mailbox.batch.max"],
    [
      "a batch that waits for ever",
      { ...batching, mailbox: { batch: { max: 2, wait: Infinity } } },
      "mailbox.batch.wait",
    ],
    [
      "a batch that waits for less than no time",
      { ...batching, mailbox: { batch: { max: 2, wait: -1 } } },
      "mailbox.batch.wait",
    ],
    [
      "a batch and no handler for it",
      { ...bare, mailbox: { batch: { max: 2, wait: 0 } } },
      "onTaskEventBatch",
    ],
    ["a handler for batches and no batch", batching, "onTaskEventBatch"],
    ["both handlers", { ...plain, ...batching, mailbox: { batch: { max: 2, wait: 0 } } }, "onTaskEventSend"],
    ["nothing side by side", { ...plain, mailbox: { parallel: 0 } }, "mailbox.parallel"],
    ["a mailbox that takes nothing", { ...plain, mailbox: { maxPending: 0 } }, "mailbox.maxPending"],
    ["a rule that is none", { ...plain, onBusy: JSON.parse('"STEER"') }, "onBusy"],
    ["no attempt", { ...plain, retry: { maxAttempts: 0 } }, "retry.maxAttempts"],
    ["half an attempt", { ...plain, retry: { maxAttempts: 1.5 } }, "retry.maxAttempts"],
    ["a backoff before the failure", { ...plain, retry: { initialBackoff: -1 } }, "retry.initialBackoff"],
    ["a backoff of more than a day", { ...plain, retry: { maxBackoff: 86_400_001 } }, "retry.maxBackoff"],
    ["an end that is none", { ...plain, retry: { onExhausted: JSON.parse('"die"') } }, "retry.onExhausted"],
    ["a judge of errors that is none", { ...plain, retry: { isFinal: JSON.parse("true") } }, "retry.isFinal"],
    ["turns of no time", { ...plain, turnTimeout: 0 }, "turnTimeout"],
    ["a grace of less than no time", { ...plain, cancelGrace: -1 }, "cancelGrace"],
    ["tasks that are kept for a century", { ...plain, retention: 36_525 * 86_400_000 }, "retention"],
    ["more revisions than are kept", { ...plain, stateHistory: 1001 }, "stateHistory"],
    ["deltas that are kept for no number", { ...plain, keepDeltas: Number.NaN }, "keepDeltas"],
    [
      "a cron that never fires",
      { ...plain, schedules: { never: { cron: "0 0 30 2 *" } } },
      "schedules.never",
    ],
    [
      "a schedule's name that is none",
      { ...plain, schedules: { "a b": { cron: "* * * * *" } } },
      "schedules.a b",
    ],
    [
      "a webhook's name that is none",
      { ...plain, webhooks: { A: { verify: () => ({}), route: () => undefined } } },
      "webhooks.A",
    ],
    ["a webhook that verifies nothing", { ...plain, webhooks: { a: JSON.parse("{}") } }, "webhooks.a.verify"],
  ])("is refused with %s", (_, definition, field) => {
    expect(() => defineAgent(definition)).toThrow(
      expect.objectContaining({
        reason: "VALUE_INVALID",
        message: expect.stringMatching(`^an agent's ${field}`),
      }),
    );
  });
});
