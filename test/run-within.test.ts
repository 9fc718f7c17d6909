import { describe, expect, it } from "vitest";
import { runWithin } from "../src/server/mailbox/run-within.ts";

/** Waits without working, as on a machine that has much else to do. */
function beHeldUp(time: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, time);
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
    let begun = 0;
    const result = runWithin(50, () => {
      begun += 1;
      for (;;);
    });
    expect(result).toBeUndefined();
    expect(begun).toBeLessThan(10);
  });

  it("throws what it throws", () => {
    const work = () => {
      throw new Error("of its own");
    };
    expect(() => runWithin(50, work)).toThrow("of its own");
  });
});
