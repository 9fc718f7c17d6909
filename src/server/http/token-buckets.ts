import type { Millis } from "../store/records.ts";

/** One bucket: so many tokens, refilled evenly. */
export interface TokenBucket {
  /** Takes a token. Gives 0, or how long to wait until there is one, in ms. */
  take(): Millis;
  /** Puts tokens back, up to the burst. */
  give(count: number): void;
}

/** Makes a full bucket. `now` tells the time in ms, and never goes back. */
export function createTokenBucket(perSecond: number, burst: number, now: () => Millis): TokenBucket {
  let tokens = burst;
  let filled = now();
  return {
    take() {
      const time = now();
      tokens = Math.min(burst, tokens + ((time - filled) * perSecond) / 1000);
      filled = time;
      if (tokens < 1) return Math.ceil(((1 - tokens) * 1000) / perSecond);
      tokens -= 1;
      return 0;
    },
    give(count) {
      tokens = Math.min(burst, tokens + count);
    },
  };
}

/** The most keys that have a bucket. One more takes the place of the one that was used least lately, which begins anew. */
const maxBuckets = 10_000;

/** Makes a bucket of its own for each key, within bounded memory. */
export function createTokenBuckets(perSecond: number, burst: number, now: () => Millis) {
  const buckets = new Map<string, TokenBucket>();
  return {
    /** Takes a token of a key's bucket. Gives 0, or how long to wait until there is one, in ms. */
    take(key: string): Millis {
      const bucket = buckets.get(key) ?? createTokenBucket(perSecond, burst, now);
      // Put last, so that the first is the one that was used least lately.
      buckets.delete(key);
      buckets.set(key, bucket);
      if (buckets.size > maxBuckets) {
        for (const [oldest] of buckets) {
          buckets.delete(oldest);
          break;
        }
      }
      return bucket.take();
    },
  };
}
