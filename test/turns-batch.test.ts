import { describe, expect, it } from "vitest";
import { EventState, Handler } from "../src/proto.ts";
import { type AgentDefinition, type AgentEvent, defineAgent } from "../src/server/index.ts";
import { collect, createGate, failuresIn, isEvent, startRig } from "./agents/rig.ts";

const hour = 3_600_000;
const texts = (events: readonly AgentEvent[]) => events.map(({ text }) => text).join();

/** Serves an agent that handles its events in batches. */
function startBatchRig(definition: Partial<AgentDefinition>) {
  const { onTaskEventSend: _, ...rest } = { name: "rig", ...definition, onTaskEventSend: undefined };
  return startRig({}, { agents: [defineAgent(rest)] });
}

describe("an agent that handles events in batches", () => {
  it("gets as many as there are once enough have come, settled by one commit", async () => {
    const batches: string[] = [];
    await using rig = await startBatchRig({
      mailbox: { batch: { max: 3, wait: hour } },
      onTaskEventBatch: (_, events) => void batches.push(texts(events)),
    });
    const taskId = await rig.create("1");
    let last = 0n;
    for (const text of ["2", "3", "4", "5", "6"]) last = (await rig.tasks.send(taskId, text)).event.sequence;
    const log = await rig.until(taskId, isEvent(EventState.PROCESSED, last));
    expect(batches).toEqual(["1,2,3", "4,5,6"]);
    expect(log.filter(isEvent(EventState.PROCESSED))).toHaveLength(6);
  });

  it("gets what there is when the oldest has waited long enough", async () => {
    const batches: string[] = [];
    await using rig = await startBatchRig({
      mailbox: { batch: { max: 100, wait: 40 } },
      onTaskEventBatch: (_, events) => void batches.push(texts(events)),
    });
    const taskId = await rig.create("1");
    const { event } = await rig.tasks.send(taskId, "2");
    await rig.until(taskId, isEvent(EventState.PROCESSED, event.sequence));
    expect(batches.join()).toBe("1,2");
  });

  it("may take more than it got", async () => {
    const running = createGate();
    const batches: string[] = [];
    await using rig = await startBatchRig({
      mailbox: { batch: { max: 2, wait: 0 } },
      async onTaskEventBatch(ctx, events) {
        await running.pass(ctx);
        batches.push(texts([...events, ...(await ctx.mailbox.take({ max: 10 }))]));
      },
    });
    const taskId = await rig.create("1");
    await running.reached;
    await rig.tasks.send(taskId, "2");
    const { event } = await rig.tasks.send(taskId, "3");
    running.open();
    await rig.until(taskId, isEvent(EventState.PROCESSED, event.sequence));
    expect(batches).toEqual(["1,2,3"]);
  });

  it("tries a batch again as a whole, and gives it up as a whole", async () => {
    const batches: string[] = [];
    await using rig = await startBatchRig({
      mailbox: { batch: { max: 2, wait: hour } },
      retry: { maxAttempts: 2, initialBackoff: 1 },
      onTaskEventBatch(_, events) {
        batches.push(texts(events));
        if (texts(events).includes("bad")) throw new Error("no");
      },
    });
    const taskId = await rig.create("good");
    for (const text of ["bad", "3"]) await rig.tasks.send(taskId, text);
    const { event } = await rig.tasks.send(taskId, "4");
    const log = await rig.until(taskId, isEvent(EventState.PROCESSED, event.sequence));
    expect(batches).toEqual(["good,bad", "good,bad", "3,4"]);
    expect(failuresIn(log)).toEqual(["1: HANDLER_FAILED, Error: no", "2: HANDLER_FAILED, Error: no"]);
    const superseded = log.flatMap(({ entry }) => (entry.case === "superseded" ? [entry.value] : []));
    expect(superseded.map(({ handler, eventIds }) => [handler, eventIds.length])).toEqual(
      Array(2).fill([Handler.TASK_EVENT_BATCH, 2]),
    );
    const states = (await collect(rig.tasks.events(taskId))).map(({ state }) => EventState[state]);
    expect(states).toEqual(["DEAD_LETTERED", "DEAD_LETTERED", "PROCESSED", "PROCESSED"]);
  });
});
