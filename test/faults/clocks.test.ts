import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { createClient as createRpc } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { describe, expect, it, onTestFinished } from "vitest";
import { createClient } from "../../src/client/index.ts";
import { EventState, TaskService, TaskState } from "../../src/proto.ts";
import { defineAgent, type ServeOptions, serve } from "../../src/server/index.ts";
import { collect, isEvent, isTask } from "../agents/rig.ts";
import scribe from "../agents/scribe.ts";
import { checkHistory } from "../crash-check.ts";
import { createRandom } from "../crash-random.ts";
import { day, firingOf, hour, minute } from "../schedules-rig.ts";
import { tempDir } from "../temp-dir.ts";
import { startReceiver } from "../webhooks-receiver.ts";
import { createFastClock, type FastClock } from "./fast-clock.ts";
import { countOf, printCounts } from "./faults.ts";
import { runScript } from "./script.ts";

const scripts = countOf("CLOCK_SCRIPTS", { short: 3, long: 300 });

/** Fails the first time, and is to be tried again in half an hour. */
const late = defineAgent({
  name: "late",
  retry: { initialBackoff: 30 * minute, maxBackoff: 30 * minute },
  async onTaskEventSend(ctx, event) {
    if (event.type === "stumble" && ctx.attempt === 1) throw new Error("stumbled");
    await ctx.messages.send(event.parts);
    if (event.type === "finish") ctx.complete();
  },
});

describe("a server whose clock is set", () => {
  it("does what was to be done in half an hour within a minute, when it is set an hour ahead", async () => {
    const clock = createFastClock(60);
    const { tasks } = await serveBy(clock);
    const { task: sent } = await tasks.create({ agent: "late" });
    const { task: limited } = await tasks.create({ agent: "late", ttl: 30 * minute });
    await tasks.send(sent.id, "later", { type: "stumble" });
    await tasks.send(sent.id, "then", { deliverTime: new Date(clock.now() + 30 * minute), type: "finish" });
    await until(tasks.subscribe(sent.id), ({ entry }) => entry.case === "superseded");
    clock.shift(hour);
    const begin = clock.now();
    await Promise.all([
      until(tasks.subscribe(sent.id), isTask(TaskState.COMPLETED)),
      until(tasks.subscribe(limited.id), isTask(TaskState.TIMED_OUT)),
    ]);
    // A minute by its own clock, which is a second here; the rest is for a machine that is busy.
    expect(clock.now() - begin).toBeLessThan(5 * minute);
  });

  it("posts what was to be posted in half an hour within a minute, when nothing else happens", async () => {
    const clock = createFastClock(60);
    const { tasks, webhooks } = await serveBy(clock);
    await using receiver = await startReceiver(({ answer }, index) => {
      if (index > 0) return 204;
      answer(503, { "retry-after": "1800" });
      return undefined;
    });
    const { webhook } = await webhooks.create({ agent: "late", url: receiver.url });
    await tasks.create({ agent: "late" });
    await receiver.count(1);
    while ((await webhooks.get(webhook.id)).lastError === "");

    clock.shift(hour);
    const begin = clock.now();
    await receiver.count(2);
    expect(clock.now() - begin).toBeLessThan(5 * minute);
  });

  it("fires each time of a schedule once, set ahead and back", async () => {
    const clock = createFastClock(60);
    const { tasks, schedules } = await serveBy(clock);
    await schedules.create({
      name: "every-minute",
      agent: "late",
      cron: "* * * * *",
      taskName: "ticks",
      event: "tick",
    });
    const times: string[] = [];
    for (const shift of [0, hour, -hour, hour]) {
      clock.shift(shift);
      // Until the hour has passed that it was set back by, nothing is due.
      if (shift < 0) continue;
      const seen = times.length;
      const { task } = await tasks.create({ agent: "late", name: "ticks" });
      await until(tasks.subscribe(task.id), (update) => {
        if (
          isEvent(EventState.QUEUED)(update) &&
          update.entry.case === "event" &&
          update.entry.value.metadata
        )
          times.push(firingOf(update.entry.value.metadata).time);
        return new Set(times).size > seen + 1;
      });
      const events = await collect(tasks.events(task.id));
      times.splice(0, times.length, ...events.map(({ metadata }) => firingOf(metadata).time));
    }
    expect(times.length).toBeGreaterThan(4);
    expect(new Set(times).size).toBe(times.length);
    expect(times).toEqual(times.toSorted());
  });

  it("keeps its guarantees while it is set an hour ahead and back, over and over", async () => {
    const clock = createFastClock(60);
    const { url } = await serveBy(clock);
    const rpc = createRpc(TaskService, createConnectTransport({ baseUrl: url, httpVersion: "1.1" }));
    const server = {
      rpc: { connect: rpc, grpc: rpc, grpcWeb: rpc },
      ...{ url, doomed: false, troubled: false, log: () => "", gone: new Promise(() => {}) },
    };
    const random = createRandom(1);
    let shifts = 0;
    const violations: string[] = [];
    for (let n = 0; n < scripts; n++) {
      const run = runScript({ current: async () => server }, { name: `script ${n}` });
      for (let times = 0; times < 8; times++) {
        for (const shift of [hour, -hour]) {
          clock.shift(shift);
          await setTimeout(random.between(1, 40));
          shifts += 1;
        }
      }
      // What was to be done at a time waits for that time, which was shown for a moment and is an hour away.
      clock.shift(hour);
      violations.push(...checkHistory(await run));
    }
    printCounts("A clock that is set", { scripts, shifts, violations: violations.length });
    expect(violations).toEqual([]);
  });
});

/** Serves the scribe and the late one from a file, by a clock. */
async function serveBy(clock: FastClock) {
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  // The checker compares deltas, which are merged after an hour by default.
  const options: ServeOptions = {
    agents: [{ ...scribe, keepDeltas: 365 * day }, late],
    port: 0,
    drain: 0,
    log,
    clock,
  };
  const store = `sqlite:${join(tempDir(), "store.db")}`;
  const server = await serve({ ...options, store, webhooks: { allowPrivateAddresses: true } });
  onTestFinished(() => server.close());
  return { url: server.url, ...createClient({ baseUrl: server.url }) };
}

async function until<T>(items: AsyncIterable<T>, test: (item: T) => boolean): Promise<void> {
  for await (const item of items) if (test(item)) return;
  throw new Error("it ended before");
}
