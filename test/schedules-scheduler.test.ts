import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { EventInputSchema, TaskState } from "../src/proto.ts";
import { type Agent, defineAgent } from "../src/server/index.ts";
import { createScheduler } from "../src/server/schedules/scheduler.ts";
import type { CreateSchedule, ScheduleTimes } from "../src/server/store/schedule-records.ts";
import type { Store } from "../src/server/store/store.ts";
import { createTaskQuota } from "../src/server/task-quota.ts";
import { createManualClock, type ManualClock } from "./manual-clock.ts";
import { firingOf } from "./schedules-rig.ts";
import { openStore, tempDir } from "./temp-dir.ts";

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const midnight = "2027-01-01T00:00:00.000Z";

/** A scheduler over a store, and the clock that it alone uses. */
function createRig(
  store: Store,
  clock: ManualClock = createManualClock(midnight),
  { maxTasks = 1_000_000 } = {},
) {
  const agents = new Map<string, Agent>([["rig", defineAgent({ name: "rig", onTaskEventSend: () => {} })]]);
  const logged: string[] = [];
  const write = (message: string) => logged.push(message);
  const log = { info: write, warn: write, error: write };
  const quota = createTaskQuota(store, maxTasks, clock);
  const scheduler = createScheduler({ store, agents, quota, onLimit: () => {}, clock, log });
  return {
    store,
    clock,
    scheduler,
    logged,
    start: () => untilIdle(clock, () => scheduler.start()),
    /** Lets time pass, and waits until all that is due has fired. */
    advance: (ms: number) => untilIdle(clock, () => clock.advance(ms)),
    create: (name: string, cron: string, args: Partial<CreateSchedule & ScheduleTimes> = {}) =>
      createSchedule(store, name, cron, args),
    times: () => timesOf(store),
  };
}

/** Waits until a scheduler has set its alarm anew. */
async function untilIdle(clock: ManualClock, act: () => void): Promise<void> {
  const idle = clock.timerSet();
  act();
  await idle;
}

/** Makes a schedule that sends to the task of its name. */
function createSchedule(
  store: Store,
  name: string,
  cron: string,
  { missed = "latest", overlap = "allow", ...args }: Partial<CreateSchedule & ScheduleTimes> = {},
) {
  return store.createSchedule({
    name,
    agent: "rig",
    id: `${name}'s`,
    spec: { cron, timeZone: "UTC", missed, overlap },
    action: { taskName: name, labels: {}, event: new Uint8Array() },
    nextTime: Date.parse(midnight) + hour,
    paused: false,
    limit: 1000,
    now: Date.parse(midnight),
    ...args,
  });
}

/** The times that events in the mailboxes are for, by schedule, in their order, as in `hourly 01T02:00`. */
async function timesOf(store: Store): Promise<string[]> {
  const found: string[] = [];
  const all = { states: [], labels: {}, limit: 1000, maxBytes: 1e9, maxScanned: 1e6 };
  for (const task of (await store.listTasks(all)).items) {
    const { items } = await store.listEvents({
      taskId: task.id,
      states: [],
      afterSequence: 0,
      limit: 1e5,
      maxBytes: 1e9,
    });
    for (const { content } of items) {
      const { metadata } = fromBinary(EventInputSchema, content ?? new Uint8Array());
      const { name, time } = firingOf(metadata);
      found.push(`${name} ${time.slice(8, 16)}`);
    }
  }
  return found;
}

const hourly = "0 * * * *";

describe("a scheduler", () => {
  it("fires each time once, when it has come", async () => {
    await using rig = await openRig();
    await rig.create("hourly", hourly);
    await rig.start();
    expect(await rig.times()).toEqual([]);
    await rig.advance(hour - 1);
    expect(await rig.times()).toEqual([]);
    await rig.advance(1);
    expect(await rig.times()).toEqual(["hourly 01T01:00"]);
    await rig.advance(hour);
    expect(await rig.times()).toEqual(["hourly 01T01:00", "hourly 01T02:00"]);
  });

  it("goes to a schedule that is due earlier when it is woken", async () => {
    await using rig = await openRig();
    await rig.start();
    await rig.create("soon", "* * * * *", { nextTime: Date.parse(midnight) + 1000 });
    await untilIdle(rig.clock, () => rig.scheduler.wake());
    await rig.advance(1000);
    expect(await rig.times()).toEqual(["soon 01T00:00"]);
  });

  it("fires a thousand schedules that are due at once", async () => {
    await using rig = await openRig();
    await Promise.all(Array.from({ length: 1000 }, (_, n) => rig.create(`s${n}`, hourly)));
    await rig.start();
    await rig.advance(hour);
    expect(new Set(await rig.times()).size).toBe(1000);
  });

  it("leaves the schedules of agents that it does not have as they are", async () => {
    await using rig = await openRig();
    await rig.create("stranger", hourly, { agent: "stranger" });
    await rig.create("hourly", hourly);
    await rig.start();
    await rig.advance(hour);
    expect(await rig.times()).toEqual(["hourly 01T01:00"]);
    expect(await rig.store.getSchedule({ name: "stranger" })).toMatchObject({
      nextTime: Date.parse(midnight) + hour,
      fired: 0,
    });
  });

  it("goes on with the others and the next time after a firing that is refused", async () => {
    await using rig = await openRig();
    const { store } = rig;
    await store.putAgents([{ name: "rig", maxPending: 1, parallel: 1, keepDeltas: 0 }]);
    await rig.create("full", hourly);
    await rig.create("other", hourly, { action: { labels: {}, event: new Uint8Array() } });
    await rig.start();
    await rig.advance(hour);
    await rig.advance(hour);
    expect(await store.getSchedule({ name: "full" })).toMatchObject({
      fired: 2,
      lastTime: Date.parse(midnight) + 2 * hour,
      nextTime: Date.parse(midnight) + 3 * hour,
      lastError: expect.stringMatching(/^MAILBOX_FULL: /),
    });
    expect((await rig.times()).sort()).toEqual(["full 01T01:00", "other 01T01:00", "other 01T02:00"]);
    expect(rig.logged).toEqual([]);
  });

  it("tries again after a store that does not answer, and says so", async () => {
    await using rig = await openRig();
    let failing = 3;
    const flaky: Store = {
      ...rig.store,
      dueSchedules(args) {
        failing -= 1;
        return failing >= 0 ? Promise.reject(new Error("not now")) : rig.store.dueSchedules(args);
      },
    };
    const { clock, scheduler, logged } = createRig(flaky);
    await rig.create("hourly", hourly, { nextTime: Date.parse(midnight) });
    await untilIdle(clock, () => scheduler.start());
    await untilIdle(clock, () => clock.advance(500));
    await untilIdle(clock, () => clock.advance(1000));
    expect(await rig.times()).toEqual([]);
    await untilIdle(clock, () => clock.advance(2000));
    expect(await rig.times()).toEqual(["hourly 01T00:00"]);
    expect(logged).toEqual(Array(3).fill("schedules could not be fired, and are tried again"));
    await scheduler.stop();
  });

  it("holds no more room for tasks than a schedule may need: one where it names the task", async () => {
    await using rig = await openRig();
    const both = Promise.withResolvers<void>();
    let asked = 0;
    // Each holds its room until the other has asked for some.
    const crowded: Store = {
      ...rig.store,
      async fireSchedule(args) {
        asked += 1;
        if (asked === 2) both.resolve();
        await both.promise;
        return rig.store.fireSchedule(args);
      },
    };
    const { clock, scheduler } = createRig(crowded, undefined, { maxTasks: 2 });
    for (const name of ["one", "other"]) await rig.create(name, hourly, { missed: "all" });
    clock.set(Date.parse(midnight) + 3 * hour);
    await untilIdle(clock, () => scheduler.start());
    const times = ["01T01:00", "01T02:00", "01T03:00"];
    const wanted = ["one", "other"].flatMap((name) => times.map((time) => `${name} ${time}`));
    expect((await rig.times()).sort()).toEqual(wanted);
    await scheduler.stop();
  });

  it("fires nothing once it has stopped", async () => {
    await using rig = await openRig();
    await rig.create("hourly", hourly);
    await rig.start();
    await rig.scheduler.stop();
    rig.clock.advance(2 * hour);
    rig.scheduler.wake();
    await rig.scheduler.stop();
    expect(await rig.times()).toEqual([]);
  });
});

describe("exactly once", () => {
  it("holds over restarts on the same file", async () => {
    const path = join(tempDir(), "store.db");
    const clock = createManualClock(midnight);
    for (let n = 0; n < 6; n++) {
      const store = await openStore(path);
      const { scheduler, start, advance, create } = createRig(store, clock);
      if (n === 0) await create("hourly", hourly, { missed: "all" });
      await start();
      await advance(hour / 2);
      await advance(hour / 4);
      await scheduler.stop();
      await store.close();
    }
    const store = await openStore(path);
    expect(await timesOf(store)).toEqual([
      "hourly 01T01:00",
      "hourly 01T02:00",
      "hourly 01T03:00",
      "hourly 01T04:00",
    ]);
    expect(await store.getSchedule({ name: "hourly" })).toMatchObject({ fired: 4, skipped: 0 });
  });

  it("holds for two schedulers that race", async () => {
    await using one = await openRig();
    const two = createRig(one.store);
    for (const name of ["a", "b", "c"]) await one.create(name, "* * * * *", { missed: "all" });
    await Promise.all([one.start(), two.start()]);
    for (let n = 1; n < 4; n++)
      await Promise.all([one.advance(n * 17 * minute), two.advance(n * 17 * minute)]);
    await two.scheduler.stop();
    const minutes = Array.from({ length: 43 }, (_, n) => `01T01:${String(n).padStart(2, "0")}`);
    const wanted = ["a", "b", "c"].flatMap((name) => minutes.map((time) => `${name} ${time}`));
    expect((await one.times()).sort()).toEqual(wanted);
  });

  it("holds when the clock is set back", async () => {
    await using rig = await openRig();
    await rig.create("hourly", hourly, { missed: "all" });
    await rig.start();
    await rig.advance(2 * hour);
    const fired = ["hourly 01T01:00", "hourly 01T02:00"];
    expect(await rig.times()).toEqual(fired);
    rig.clock.set(Date.parse(midnight));
    for (let n = 0; n < 5; n++) await rig.advance(hour / 2);
    expect(await rig.times()).toEqual(fired);
    await rig.advance(hour / 2);
    expect(await rig.times()).toEqual([...fired, "hourly 01T03:00"]);
  });

  it("notices within a minute that the clock was set ahead", async () => {
    await using rig = await openRig();
    await rig.create("hourly", hourly);
    await rig.start();
    rig.clock.set(Date.parse(midnight) + day);
    await rig.advance(minute);
    expect(await rig.times()).toEqual(["hourly 02T00:00"]);
    expect(await rig.store.getSchedule({ name: "hourly" })).toMatchObject({ skipped: 23, fired: 1 });
  });
});

describe("what was missed while no server ran", () => {
  it.each([
    ["skip", [], 5],
    ["latest", ["hourly 01T05:00"], 4],
    [
      "all",
      ["hourly 01T01:00", "hourly 01T02:00", "hourly 01T03:00", "hourly 01T04:00", "hourly 01T05:00"],
      0,
    ],
  ] as const)("is made up for as `%s` says", async (missed, times, skipped) => {
    await using rig = await openRig();
    await rig.create("hourly", hourly, { missed });
    rig.clock.set(Date.parse(midnight) + 5.5 * hour);
    await rig.start();
    expect(await rig.times()).toEqual(times);
    expect(await rig.store.getSchedule({ name: "hourly" })).toMatchObject({
      fired: times.length,
      skipped,
      nextTime: Date.parse(midnight) + 6 * hour,
    });
  });

  it("is the latest 1,000 at most", async () => {
    await using rig = await openRig();
    await rig.create("seconds", "* * * * * *", { missed: "all" });
    rig.clock.set(Date.parse(midnight) + 365 * day);
    await rig.start();
    expect(await rig.times()).toHaveLength(1000);
    expect(await rig.store.getSchedule({ name: "seconds" })).toMatchObject({
      fired: 1000,
      lastTime: Date.parse(midnight) + 365 * day,
      nextTime: Date.parse(midnight) + 365 * day + 1000,
    });
  });

  it("goes to one task each when the schedule names none", async () => {
    await using rig = await openRig();
    await rig.create("hourly", hourly, { missed: "all", action: { labels: { by: "schedule" } } });
    rig.clock.set(Date.parse(midnight) + 3 * hour);
    await rig.start();
    const { items } = await rig.store.listTasks({
      states: [],
      labels: { by: "schedule" },
      limit: 9,
      maxBytes: 1e6,
      maxScanned: 1e6,
    });
    expect(items).toHaveLength(3);
    expect(items).toMatchObject(Array(3).fill({ agent: "rig", state: TaskState.PENDING, pendingEvents: 0 }));
  });
});

async function openRig() {
  const rig = createRig(await openStore(":memory:"));
  return { ...rig, [Symbol.asyncDispose]: () => rig.scheduler.stop() };
}
