import { describe, expect, it } from "vitest";
import { findRpcs } from "./faults/fuzz/services.ts";
import { attacksOn, expressionsOfSources, patternsOf } from "./regular-expressions.ts";

/** What takes a time that grows with the square of this length takes long; what does not, no time at all. */
const length = 10_000;
/** In ms of the processor. */
const most = 30;

/** What matches nothing but what the one who runs the command line has typed, who may as well wait for it. */
const ownArguments = [
  "cli/connect.ts /\\/+$/",
  "cli/values.ts /(\\d+)([a-z]+)/g",
  "cli/commands/init.ts /-+$/",
];

const found = [...expressionsOfSources(), ...patternsOf(await findRpcs())];

/** Tells how long something takes, of the processor's time, in ms. */
function timeOf(work: () => void): number {
  const begin = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(begin);
  return (user + system) / 1000;
}

describe("a regular expression takes no text too long", () => {
  it("of all that there are", () => {
    expect(found.length).toBeGreaterThan(60);
    const places = found.map(({ where }) => where);
    expect(places).toContain("pigeonhole.v1.CreateScheduleRequest.name [A-Za-z0-9][A-Za-z0-9._-]*");
    for (const own of ownArguments) expect(places).toContain(own);
  });

  it.each(found.filter(({ where }) => !ownArguments.includes(where)))("$where", ({ expression }) => {
    const isSlow = (text: string) => timeOf(() => text.replace(expression, "")) > most;
    // What else goes on in this process may take its time, but hardly so three times.
    const slow = attacksOn(expression, length).find((text) => isSlow(text) && isSlow(text) && isSlow(text));
    expect(slow?.slice(0, 50)).toBeUndefined();
  });
});
