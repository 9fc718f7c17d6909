import { expect } from "vitest";
import type { Commit } from "../../src/server/store/calls.ts";
import type { Model } from "./state.ts";
import { nextTime } from "./timers.ts";

/** Checks that a store told of a step what an engine has to know: see Store.watch. */
export function checkCommits(commits: Commit[], before: Model, after: Model, grown: string[]): void {
  expect(commits.flatMap((commit) => commit.grown)).toEqual(expect.arrayContaining(grown));
  const told = commits.flatMap(({ stopped }) => stopped.map(({ taskId, turn }) => `${taskId} ${turn}`));
  const stopped = after.stopped
    .slice(before.stopped.length)
    .map((stop) => ({ ...stop, name: `${stop.taskId} ${stop.turn}` }));
  expect(told).toEqual(
    expect.arrayContaining(stopped.filter(({ outside }) => outside).map(({ name }) => name)),
  );
  expect(stopped.map(({ name }) => name)).toEqual(expect.arrayContaining(told));

  const [was, is] = [nextTime(before), nextTime(after)];
  if (is !== undefined && (was === undefined || is < was)) {
    const earliest = Math.min(...commits.flatMap(({ timer }) => timer ?? []));
    expect(earliest).toBeLessThanOrEqual(is);
  }
}
