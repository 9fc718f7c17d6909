import { describe, expect, it } from "vitest";
import { runWithin } from "../src/server/mailbox/run-within.ts";

/** Waits without working, as on a machine that has much else to do. */
function beHeldUp(time: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, time);
}

/** How long this thread has worked, in ms. */
function worked(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

describe("what may work for so long", () => {
  it("is begun anew when the machine, and not its work, has taken the time", () => {
    let begun = 0;
    const result = runWithin(50, () => {
      begun += 1;
      if (begun === 1) beHeldUp(60_000);
      return begun;
    });
    expect(result).toBe(2);
  });

  it("is given up when it is held up again and again", () => {
    let begun = 0;
    const result = runWithin(5, () => {
      begun += 1;
      beHeldUp(60_000);
      return begun;
    });
    expect([result, begun]).toEqual([undefined, 10]);
  });

  it("is broken off once it has worked for as long", () => {
    const begins: number[] = [];
    const result = runWithin(50, () => {
      begins.push(worked());
      for (;;);
    });
    expect(result).toBeUndefined();
    // However busy the machine is, the first try that has worked for half of the time is the last.
    const tries = [...begins, worked()].flatMap((end, n, ends) =>
      n === 0 ? [] : [end - (ends[n - 1] ?? 0)],
    );
    expect(tries.slice(0, -1).filter((time) => time >= 30)).toEqual([]);
    if (tries.length < 10) expect(tries.at(-1)).toBeGreaterThan(20);
  });

  it("throws what it throws", () => {
    const work = () => {
      throw new Error("of its own");
    };
    expect(() => runWithin(50, work)).toThrow("of its own");
  });
});
