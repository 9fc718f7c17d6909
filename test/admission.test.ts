import { describe, expect, it } from "vitest";
import { createAdmission } from "../src/server/http/admission.ts";
import { createTokenBucket, createTokenBuckets } from "../src/server/http/token-buckets.ts";

/** An admission whose time passes as the test says. */
function createRig(max = 2_048) {
  let time = 0;
  const admission = createAdmission({ max, now: () => time });
  return {
    admission,
    pass: (duration: number) => {
      time += duration;
    },
    /** As many calls as are taken, up to a number, come at once; each takes so long. Gives how many were taken. */
    round(count: number, duration: number): number {
      const leaving: (() => void)[] = [];
      for (let call = 0; call < count; call++) {
        try {
          leaving.push(admission.enter());
        } catch {
          break;
        }
      }
      time += duration;
      for (const leave of leaving) leave();
      return leaving.length;
    },
  };
}

describe("the calls in hand", () => {
  it("are as many as may be, while they are answered in time", () => {
    const { admission, round } = createRig();
    for (let n = 0; n < 20; n++) expect(round(2_048, 45)).toBe(2_048);
    expect(admission.bound).toBe(2_048);
    expect(round(3_000, 45)).toBe(2_048);
  });

  it("become fewer within a second when they wait, and more again when they do not", () => {
    const { admission, round } = createRig();
    round(1, 10);
    for (let n = 0; n < 5; n++) round(3_000, 400);
    expect(admission.bound).toBe(256);
    for (let n = 0; n < 200; n++) round(3_000, 40);
    expect(admission.bound).toBe(2_048);
  });

  it("are not fewer for one burst than half of what they were", () => {
    const { admission, round } = createRig();
    round(3_000, 900);
    expect(admission.bound).toBe(1_024);
  });

  it("may take as long as a slow disk makes each of them take", () => {
    const { admission, round } = createRig();
    for (let n = 0; n < 50; n++) round(1, 150);
    for (let n = 0; n < 20; n++) round(2_000, 400);
    expect(admission.bound).toBe(2_048);
    for (let n = 0; n < 20; n++) round(2_000, 600);
    expect(admission.bound).toBeLessThan(2_048);
  });

  it("are told to be full before they are parsed, also those that have only arrived", async () => {
    const { admission } = createRig(2);
    const leave = admission.enter();
    expect([admission.isFull(), admission.isFull()]).toEqual([false, true]);
    // What has arrived and is slow to come keeps no place.
    await new Promise((resolve) => setImmediate(resolve));
    expect(admission.isFull()).toBe(false);
    admission.enter();
    expect(() => admission.enter()).toThrow(expect.objectContaining({ reason: "OVERLOADED" }));
    leave();
    admission.enter();
  });
});

describe("a bucket of tokens", () => {
  it("gives a burst, then so many a second, and says how long to wait", () => {
    let time = 0;
    const bucket = createTokenBucket(10, 3, () => time);
    expect([bucket.take(), bucket.take(), bucket.take(), bucket.take()]).toEqual([0, 0, 0, 100]);
    time += 100;
    expect([bucket.take(), bucket.take()]).toEqual([0, 100]);
    time += 60_000;
    expect([bucket.take(), bucket.take(), bucket.take(), bucket.take()]).toEqual([0, 0, 0, 100]);
    bucket.give(1);
    expect(bucket.take()).toBe(0);
  });

  it("is each key's own, and the one that was used least lately is forgotten among very many", () => {
    const buckets = createTokenBuckets(1, 1, () => 0);
    expect([buckets.take("a"), buckets.take("b"), buckets.take("a")]).toEqual([0, 0, 1000]);
    for (let key = 0; key < 9_999; key++) buckets.take(String(key));
    expect([buckets.take("a"), buckets.take("b")]).toEqual([1000, 0]);
  });
});
