import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CronSpec, cronFault, latestTimes, nextAfter } from "../src/server/schedules/cron.ts";
import { planFirings } from "../src/server/schedules/plan-firings.ts";
import "./property-seed.ts";

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

/** The first times after a moment, as in `2027-03-28T01:00Z`. */
function times(cron: string, timeZone: string, from: string, count: number): string[] {
  const found: string[] = [];
  let time = Date.parse(from);
  while (found.length < count) {
    time = nextAfter({ cron, timeZone }, time) ?? Number.NaN;
    found.push(new Date(time).toISOString().replace(":00.000Z", "Z"));
  }
  return found;
}

describe("the times of a cron expression", () => {
  it("are those that a clock in its zone shows", () => {
    expect(times("0 3 * * *", "Europe/Berlin", "2027-01-01T00:00:00Z", 2)).toEqual([
      "2027-01-01T02:00Z",
      "2027-01-02T02:00Z",
    ]);
    expect(times("0 3 * * *", "America/New_York", "2027-07-01T00:00:00Z", 1)).toEqual(["2027-07-01T07:00Z"]);
  });

  it("come after the clocks have skipped them, on the same day", () => {
    // Berlin goes from 02:00 to 03:00 on 2027-03-28, New York on 2027-03-14.
    expect(times("30 2 * * *", "Europe/Berlin", "2027-03-27T12:00:00Z", 2)).toEqual([
      "2027-03-28T01:00Z",
      "2027-03-29T00:30Z",
    ]);
    expect(times("30 2 * * *", "America/New_York", "2027-03-13T12:00:00Z", 2)).toEqual([
      "2027-03-14T07:00Z",
      "2027-03-15T06:30Z",
    ]);
  });

  it("come once where the clocks show them twice", () => {
    // Berlin goes from 03:00 back to 02:00 on 2027-10-31, New York from 02:00 to 01:00 on 2027-11-07.
    expect(times("30 2 * * *", "Europe/Berlin", "2027-10-30T12:00:00Z", 2)).toEqual([
      "2027-10-31T00:30Z",
      "2027-11-01T01:30Z",
    ]);
    expect(times("30 1 * * *", "America/New_York", "2027-11-06T12:00:00Z", 2)).toEqual([
      "2027-11-07T05:30Z",
      "2027-11-08T06:30Z",
    ]);
  });

  it("go on at their pace through both hours when they repeat", () => {
    expect(times("*/30 * * * *", "Europe/Berlin", "2027-10-31T00:00:00Z", 4)).toEqual([
      "2027-10-31T00:30Z",
      "2027-10-31T01:00Z",
      "2027-10-31T01:30Z",
      "2027-10-31T02:00Z",
    ]);
    expect(times("*/30 * * * *", "Europe/Berlin", "2027-03-28T00:00:00Z", 3)).toEqual([
      "2027-03-28T00:30Z",
      "2027-03-28T01:00Z",
      "2027-03-28T01:30Z",
    ]);
  });

  it("know leap days, last days and nearest weekdays", () => {
    expect(times("0 0 29 2 *", "UTC", "2027-01-01T00:00:00Z", 2)).toEqual([
      "2028-02-29T00:00Z",
      "2032-02-29T00:00Z",
    ]);
    expect(times("0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", 1)).toEqual(["2104-02-29T00:00Z"]);
    expect(times("0 0 L * *", "UTC", "2027-02-01T00:00:00Z", 2)).toEqual([
      "2027-02-28T00:00Z",
      "2027-03-31T00:00Z",
    ]);
    expect(times("0 0 15W * *", "UTC", "2027-05-01T00:00:00Z", 1)).toEqual(["2027-05-14T00:00Z"]);
  });

  it("have seconds first when there are six fields", () => {
    const [first = "", then] = times("*/20 * * * * *", "UTC", "2027-01-01T00:00:00.500Z", 2);
    expect([first, then]).toEqual(["2027-01-01T00:00:20.000Z", "2027-01-01T00:00:40.000Z"]);
  });

  const spec: fc.Arbitrary<CronSpec> = fc.record({
    cron: fc
      .tuple(
        fc.constantFrom("", "0 ", "*/20 ", "7,52 "),
        fc.constantFrom("*", "*/7", "30", "0,45", "10-20"),
        fc.constantFrom("*", "2", "1,2", "*/5", "23"),
        fc.constantFrom("*", "31", "L", "1-7"),
        fc.constantFrom("*", "2", "3,10"),
        fc.constantFrom("*", "0", "MON-FRI"),
      )
      .map(([seconds, ...fields]) => seconds + fields.join(" ")),
    timeZone: fc.constantFrom("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"),
  });
  // Around the changes of the clocks, where times are odd.
  const moment = fc
    .tuple(
      fc.constantFrom(
        "2027-03-28T01:00:00Z",
        "2027-10-31T01:00:00Z",
        "2027-03-14T07:00:00Z",
        "2028-02-29T00:00:00Z",
      ),
      fc.integer({ min: -3 * hour, max: 3 * hour }),
    )
    .map(([base, offset]) => Date.parse(base) + offset);

  it("strictly increase", () => {
    fc.assert(
      fc.property(spec, moment, (spec, from) => {
        fc.pre(cronFault(spec) === undefined);
        let time = from;
        for (let n = 0; n < 10; n++) {
          const next = nextAfter(spec, time) ?? Number.POSITIVE_INFINITY;
          expect(next).toBeGreaterThan(time);
          time = next;
        }
      }),
      { numRuns: 200 },
    );
  });

  it("are the same when they are looked for backwards", () => {
    fc.assert(
      fc.property(
        spec,
        moment,
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 30 }),
        (spec, from, n, max) => {
          fc.pre(cronFault(spec) === undefined);
          const forwards: number[] = [];
          const until = from + n * 17 * minute;
          for (
            let time = nextAfter(spec, from);
            time !== undefined && time <= until && forwards.length < 500;
          ) {
            forwards.push(time);
            time = nextAfter(spec, time);
          }
          fc.pre(forwards.length < 500);
          expect(latestTimes(spec, from, until, max)).toEqual(forwards.slice(-max));
        },
      ),
      { numRuns: 200 },
    );
  });

  it("are found without counting through all that lie between", () => {
    const spec = { cron: "* * * * * *", timeZone: "Europe/Berlin" };
    const until = Date.parse("2028-01-01T00:00:00Z");
    const found = latestTimes(spec, until - 365 * 24 * hour, until, 1000);
    expect(found).toEqual(Array.from({ length: 1000 }, (_, n) => until - (999 - n) * second));
  });
});

describe("an expression without times", () => {
  it.each([
    ["* * * *", "must be a cron expression of five or six fields"],
    ["0 0 0 1 1 * 2030", "must be a cron expression of five or six fields"],
    ["2030-01-01T00:00:00", "must be a cron expression of five or six fields"],
    ["@daily", "must be a cron expression of five or six fields"],
    ["", "must be a cron expression of five or six fields"],
    ["61 * * * *", "must be a cron expression: Invalid value for minute: 61"],
    ["a b c d e", "must be a cron expression: "],
    ["0 0 30 2 *", "must have a time to come: there is no such day"],
    ["0 0 31 4,6 *", "must have a time to come: there is no such day"],
  ])("is told from one that has: %j", (cron, description) => {
    expect(cronFault({ cron, timeZone: "UTC" })).toEqual({
      field: "cron",
      description: expect.stringContaining(description),
    });
  });

  it.each(["Mars/Olympus", "", "+01:00", "Europe/Berlin ", "constructor"])("is in no zone %j", (timeZone) => {
    expect(cronFault({ cron: "0 0 * * *", timeZone })).toMatchObject({ field: "time_zone" });
  });

  it.each(["0 0 29 2 *", "0 0 29 2 +MON", "*/5 * * * * *", "0 0 * * 5#5"])("is not %j", (cron) => {
    expect(cronFault({ cron, timeZone: "Europe/Berlin" })).toBeUndefined();
  });
});

describe("the plan for times that are due", () => {
  const every = { cron: "* * * * *", timeZone: "UTC", overlap: "allow" as const };
  const noon = Date.parse("2027-01-01T12:00:00Z");

  it("fires the one that is due, on time or a minute late", () => {
    const daily = { ...every, cron: "0 12 * * *" };
    for (const missed of ["skip", "latest", "all"] as const) {
      for (const late of [0, 3, minute]) {
        expect(planFirings({ ...daily, missed }, noon, noon + late)).toEqual([
          { times: [noon], skipped: 0, settledTime: noon, nextTime: noon + 24 * hour },
        ]);
      }
    }
  });

  it("skips what is missed, and fires what is on time", () => {
    expect(planFirings({ ...every, missed: "skip" }, noon, noon + 5 * minute + second)).toEqual([
      { times: [noon + 5 * minute], skipped: 5, settledTime: noon + 5 * minute, nextTime: noon + 6 * minute },
    ]);
    const daily = { ...every, cron: "0 12 * * *", missed: "skip" as const };
    expect(planFirings(daily, noon, noon + minute + 1)).toEqual([
      { times: [], skipped: 1, settledTime: noon, nextTime: noon + 24 * hour },
    ]);
  });

  it("fires the latest of what is missed", () => {
    const hourly = { ...every, cron: "0 * * * *", missed: "latest" as const };
    expect(planFirings(hourly, noon, noon + 5.5 * hour)).toEqual([
      { times: [noon + 5 * hour], skipped: 5, settledTime: noon + 5 * hour, nextTime: noon + 6 * hour },
    ]);
  });

  it("fires all that is missed, in steps that follow each other, the latest 1,000 at most", () => {
    const steps = planFirings({ ...every, missed: "all" }, noon, noon + 1500 * minute);
    expect(steps.flatMap(({ times }) => times)).toEqual(
      Array.from({ length: 1000 }, (_, n) => noon + (501 + n) * minute),
    );
    expect(steps.map(({ skipped }) => skipped)).toEqual([501, ...Array(49).fill(0)]);
    for (const [n, { times, settledTime, nextTime }] of steps.entries()) {
      expect(times.at(-1)).toBe(settledTime);
      expect(nextTime).toBe(steps[n + 1]?.times[0] ?? noon + 1501 * minute);
    }
  });

  it("takes no longer for a year of seconds", () => {
    const seconds = { ...every, cron: "* * * * * *" };
    const now = noon + 365 * 24 * hour;
    expect(planFirings({ ...seconds, missed: "latest" }, noon, now)).toEqual([
      { times: [now], skipped: 1000, settledTime: now, nextTime: now + second },
    ]);
    const all = planFirings({ ...seconds, missed: "all" }, noon, now);
    expect(all.flatMap(({ times }) => times)).toHaveLength(1000);
    expect(all[0]).toMatchObject({ skipped: 1000 });
  });

  it("fires for a time that was promised and is none any more", () => {
    const daily = { ...every, cron: "0 12 * * *", missed: "latest" as const };
    expect(planFirings(daily, noon - hour, noon - hour)).toMatchObject([
      { times: [noon - hour], nextTime: noon },
    ]);
  });
});
