import { getRandomValues } from "node:crypto";
import type { Millis } from "./store/records.ts";

/** Where time, randomness and ids come from. A test gives its own. */
export interface Clock {
  /** Tells the time. */
  now(): Millis;
  /** Makes a number from 0 to 1, 1 excluded. */
  random(): number;
  /** Makes an id that no other call makes: a UUID version 7 (RFC 9562), so that later ids sort after earlier ones. */
  id(): string;
  /** Calls back after a time of at most 2^31 - 1 ms, unless stopped by the function it returns. Keeps no process alive. */
  timer(delay: Millis, callback: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  random: () => Math.random(),
  id: () => uuidv7(Date.now(), randomTen()),
  timer(delay, callback) {
    const timer = setTimeout(callback, Math.min(delay, 2 ** 31 - 1)).unref();
    return () => clearTimeout(timer);
  },
};

/** Random bytes, drawn for many ids at once: a draw costs as much as the rest of an id. */
const pool = new Uint8Array(5120);
let drawn = pool.length;

function randomTen(): Uint8Array {
  if (drawn === pool.length) {
    getRandomValues(pool);
    drawn = 0;
  }
  drawn += 10;
  return pool.subarray(drawn - 10, drawn);
}

/** Lays out a UUID version 7: 48 bits of time, version, 12 random bits, variant, 62 random bits. `random` has 10 bytes. */
export function uuidv7(time: Millis, random: Uint8Array): string {
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(time) << 16n);
  bytes.set(random, 6);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x70;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Buffer.from(bytes.buffer).toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
