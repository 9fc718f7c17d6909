import { describe, expect, it } from "vitest";
import { isReason } from "../src/client/index.ts";
import type { LimitName } from "../src/server/index.ts";
import { collect } from "./agents/rig.ts";
import { minute, startSchedules } from "./schedules-rig.ts";

/** A schedule of every minute that makes a task each time, and one that sends to a task of a name, under a bound of unfinished tasks. */
async function startBounded(maxTasks: number) {
  const reached: LimitName[] = [];
  let grown = Promise.withResolvers<void>();
  const onLimit = (limit: LimitName) => {
    reached.push(limit);
    grown.resolve();
    grown = Promise.withResolvers();
  };
  const rig = await startSchedules({}, { limits: { maxTasks }, onLimit });
  const { task } = await rig.tasks.create({ agent: "rig", name: "kept" });
  const every = { agent: "rig", cron: "* * * * *", event: "tick" };
  return {
    ...rig,
    task,
    every,
    reached,
    async untilReached(count: number) {
      while (reached.length < count) await grown.promise;
    },
    [Symbol.asyncDispose]: () => rig.close(),
  };
}

describe("a schedule whose owner has as many unfinished tasks as one may have", () => {
  it("skips the time on the record, and fires again when there is room", async () => {
    await using rig = await startBounded(1);
    await rig.schedules.create({ name: "each", ...rig.every });
    await rig.clock.advance(minute);
    await rig.untilReached(1);
    expect(await rig.schedules.get("each")).toMatchObject({
      fired: 0n,
      skipped: 1n,
      lastTaskId: "",
      lastError: "LIMIT_REACHED: there are 1 unfinished tasks, as many as one caller may have",
    });
    expect(await collect(rig.tasks.list())).toHaveLength(1);

    const triggered = rig.schedules.trigger("each");
    await expect(triggered).rejects.toSatisfy((error) => isReason(error, "LIMIT_REACHED"));
    expect(rig.reached).toEqual(["tasks", "tasks"]);

    await rig.tasks.cancel(rig.task.id);
    await collect(rig.tasks.subscribe(rig.task.id));
    await rig.clock.advance(minute);
    await rig.until(1);
    const schedule = await rig.schedules.get("each");
    expect(schedule).toMatchObject({ fired: 1n, skipped: 1n, lastError: "" });
    await collect(rig.tasks.subscribe(schedule.lastTaskId));
    await rig.clock.advance(minute);
    await rig.until(2);
    expect(rig.reached).toEqual(["tasks", "tasks"]);
  });

  it("sends to a named task that is there as ever", async () => {
    await using rig = await startBounded(1);
    await rig.schedules.create({ name: "same", ...rig.every, taskName: "kept" });
    await rig.clock.advance(minute);
    expect(await rig.until(1)).toMatchObject([{ taskId: rig.task.id }]);
    await rig.schedules.trigger("same");
    expect(await rig.until(2)).toHaveLength(2);
    expect(await rig.schedules.get("same")).toMatchObject({ fired: 2n, skipped: 0n, lastError: "" });
    expect(rig.reached).toEqual([]);
  });
});
