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
  id: nextId,
  timer(delay, callback) {
    const timer = setTimeout(callback, Math.min(delay, 2 ** 31 - 1)).unref();
    return () => clearTimeout(timer);
  },
};

/** The time and the count of the last id. */
let idTime: Millis = 0;
let idCount = 0;

/** Makes an id that sorts after all before it: within a millisecond, its first 12 random bits count up (RFC 9562, 6.2). */
function nextId(): string {
  const random = randomTen();
  const now = Date.now();
  if (now > idTime) {
    idTime = now;
    idCount = random[1] ?? 0;
  } else if (idCount < 0xfff) {
    idCount += 1;
  } else {
    idTime += 1;
    idCount = 0;
  }
  random[0] = idCount >> 8;
  random[1] = idCount & 0xff;
  return uuidv7(idTime, random);
}

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

/** Where ids are laid out, one after the other: a buffer for each would cost more than the rest of it. */
const layout = Buffer.alloc(16);

/** Lays out a UUID version 7: 48 bits of time, version, 12 random bits, variant, 62 random bits. `random` has 10 bytes. */
export function uuidv7(time: Millis, random: Uint8Array): string {
  layout.writeUIntBE(time, 0, 6);
  layout.set(random, 6);
  layout[6] = ((layout[6] ?? 0) & 0x0f) | 0x70;
  layout[8] = ((layout[8] ?? 0) & 0x3f) | 0x80;
  const hex = layout.toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
