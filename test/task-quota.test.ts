import { expect, it } from "vitest";
import { createTaskQuota } from "../src/server/task-quota.ts";
import { createManualClock } from "./manual-clock.ts";
import { openStore } from "./temp-dir.ts";

it("a count that could not be read does not take a newer one with it", async () => {
  const store = await openStore(":memory:");
  const lost = Promise.withResolvers<number>();
  const answers = [lost.promise];
  const slow = {
    countUnfinished: (args: { owner: string; atMost: number }) =>
      (args.owner === "alice" ? answers.shift() : undefined) ?? store.countUnfinished(args),
  };
  const quota = createTaskQuota(slow, 1, createManualClock());
  const refused = quota.reserve("alice");
  // As many others are kept as there is room for, so that hers is read again.
  await Promise.all(Array.from({ length: 10_000 }, (_, n) => quota.reserve(`other-${n}`)));
  expect((await quota.reserve("alice")).limit()).toEqual({});
  lost.reject(new Error("not now"));
  await expect(refused).rejects.toThrow("not now");
  expect((await quota.reserve("alice")).limit()).toEqual({ reachedTasks: 1 });
});
