import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { isReason } from "../src/client/index.ts";
import { type DeclaredSchedule, defineAgent } from "../src/server/index.ts";
import { collect } from "./agents/rig.ts";
import { createManualClock } from "./manual-clock.ts";
import { hour, midnight, startSchedules } from "./schedules-rig.ts";
import { tempDir } from "./temp-dir.ts";

const nightly: DeclaredSchedule = { cron: "0 3 * * *", content: "Tidy up." };

describe("a declared schedule", () => {
  it("is there when the server is, and fires", async () => {
    await using rig = await startSchedules({
      schedules: {
        nightly: { ...nightly, timeZone: "America/New_York", missed: "skip", overlap: "skip", task: "house" },
        plain: { cron: "0 * * * *" },
      },
    });
    const listed = await collect(rig.schedules.list({ agent: "rig" }));
    expect(listed).toMatchObject([
      {
        name: "rig/nightly",
        declared: true,
        spec: { timeZone: "America/New_York" },
        action: { taskName: "house" },
      },
      { name: "rig/plain", declared: true, spec: { timeZone: "UTC" } },
    ]);
    rig.clock.advance(hour);
    expect(await rig.until(1)).toMatchObject([
      {
        schedule: "rig/plain",
        text: "plain",
        sender: "schedule:rig/plain",
        time: "2027-01-01T01:00:00.000Z",
      },
    ]);
  });

  it("keeps its place over a restart, and is changed and deleted with its agent", async () => {
    const store = `sqlite:${join(tempDir(), "store.db")}`;
    const clock = createManualClock(new Date(midnight).toISOString());
    const hourly = { ...nightly, cron: "0 * * * *" };
    {
      await using rig = await startSchedules({ schedules: { nightly, hourly } }, { store, clock });
      await rig.schedules.create({ name: "client", agent: "rig", cron: "0 0 1 1 *", event: "" });
      clock.advance(hour);
      await rig.until(1);
      await rig.schedules.pause("rig/nightly", { reason: "holidays" });
    }
    clock.set(midnight + 1.5 * hour);
    {
      await using rig = await startSchedules({ schedules: { nightly, hourly } }, { store, clock });
      expect(await rig.schedules.get("rig/hourly")).toMatchObject({ fired: 1n });
      expect(await rig.schedules.get("rig/nightly")).toMatchObject({ paused: true, pauseReason: "holidays" });
      expect(rig.heard).toEqual([]);
    }
    {
      const changed = { ...hourly, cron: "45 * * * *", content: "Other." };
      await using rig = await startSchedules({ schedules: { hourly: changed } }, { store, clock });
      const names = (await collect(rig.schedules.list())).map(({ name }) => name);
      expect(names).toEqual(["client", "rig/hourly"]);
      clock.advance(hour / 4);
      expect(await rig.until(1)).toMatchObject([{ text: "Other.", time: "2027-01-01T01:45:00.000Z" }]);
      expect(await rig.schedules.get("rig/hourly")).toMatchObject({ fired: 2n, skipped: 0n });
    }
  });

  it("is not a client's to delete while its agent is there", async () => {
    const store = `sqlite:${join(tempDir(), "store.db")}`;
    {
      await using rig = await startSchedules({ schedules: { nightly } }, { store });
      const error = await rig.schedules.delete("rig/nightly").catch((error: unknown) => error);
      expect(isReason(error, "SCHEDULE_DECLARED")).toBe(true);
    }
    const other = defineAgent({ name: "other", onTaskEventSend: () => {} });
    await using rig = await startSchedules({}, { store, agents: [other] });
    await rig.schedules.delete("rig/nightly");
    expect(await collect(rig.schedules.list())).toEqual([]);
  });

  it.each<[string, Partial<DeclaredSchedule>, string]>([
    ["a cron that is none", { cron: "every night" }, "spec.cron: must be a cron expression"],
    ["a cron that never fires", { cron: "0 0 30 2 *" }, "spec.cron: must have a time to come"],
    [
      "a time zone that is unknown",
      { timeZone: "Mars/Olympus" },
      "spec.time_zone: must be an IANA time zone",
    ],
    [
      "a policy that is unknown",
      JSON.parse('{ "overlap": "toString" }'),
      "spec.overlap: must be one of allow,",
    ],
    ["a cron of another type", JSON.parse('{ "cron": 5 }'), "cron: must be a string"],
    ["params that are no object", JSON.parse('{ "params": [1] }'), "params: must be an object"],
    ["a label of another type", JSON.parse('{ "labels": { "a": 1 } }'), 'labels["a"]: must be a string'],
    ["content that is none", { content: [] }, "content must have at least one part"],
    ["a label that is none", { labels: { "a b": "" } }, 'action.labels["a b"]'],
    ["a task name that is too long", { task: "x".repeat(257) }, "action.task_name"],
    ["a type of the server's", { type: "pigeonhole.x" }, "action.event.type"],
  ])("is refused with %s where the agent is defined", (_, wrong, message) => {
    const define = () =>
      defineAgent({ name: "a", onTaskEventSend: () => {}, schedules: { nightly: { ...nightly, ...wrong } } });
    expect(define).toThrow(`an agent's schedules.nightly: ${message}`);
  });
});
