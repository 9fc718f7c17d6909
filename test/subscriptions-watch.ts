import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type Clock, systemClock } from "../src/server/index.ts";

/** A clock that knows how many followers wait for their log to grow: each has a timer armed for its heartbeat. */
export interface WatchedClock {
  clock: Clock;
  /** Resolves when so many followers wait. */
  untilWaiting(count: number): Promise<void>;
}

/** Makes a clock that watches the timers of one delay. */
export function createWatchedClock(delay: number): WatchedClock {
  let armed = 0;
  let awaited: { count: number; resolve(): void }[] = [];
  const change = (by: number) => {
    armed += by;
    for (const { count, resolve } of awaited) if (count === armed) resolve();
    awaited = awaited.filter(({ count }) => count !== armed);
  };
  return {
    clock: {
      ...systemClock,
      timer(time, callback) {
        const stop = systemClock.timer(time, callback);
        if (time !== delay) return stop;
        change(1);
        return () => {
          stop();
          change(-1);
        };
      },
    },
    untilWaiting: (count) =>
      new Promise((resolve) => {
        if (count === armed) resolve();
        else awaited.push({ count, resolve });
      }),
  };
}

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

/**
 * Tells how many bytes this process holds in JavaScript's heap and in buffers. Buffers are given back in the background, and what a
 * WeakRef has shown lives to the end of its job: so it looks more than once, and takes the least.
 */
export async function heldMemory(): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5; round++) {
    await setImmediate();
    collectGarbage();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    least = Math.min(least, heapUsed + arrayBuffers);
  }
  return least;
}
