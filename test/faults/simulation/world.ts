import { setImmediate as settled } from "node:timers/promises";
import { type Clock, uuidv7 } from "../../../src/server/clock.ts";
import type { Millis } from "../../../src/server/store/records.ts";
import { createRandom, type Random } from "../../crash-random.ts";

/** Something that may happen next. */
export interface Move {
  /** What it is, in the trace. */
  name: string;
  /** How likely it is, beside the others. */
  weight: number;
  make(): void;
}

/** A world in which nothing happens but what is chosen, one thing after the other: the same seed, the same choices. */
export interface World {
  readonly random: Random;
  now(): Millis;
  /** A clock for somebody, whose timers are gone when it is. */
  clockFor(owner: { readonly alive: boolean }): Clock;
  /** Has a time pass in which nothing happens, and nobody expects it to. */
  pass(time: Millis): void;
  /** Notes that somebody got something: a world in which nobody does for long has come to a standstill. */
  progress(): void;
  /** Makes one move after the other until a promise is settled. Rejects if there is none left to make, or nothing comes of them. */
  play(moves: () => Move[], until: Promise<unknown>): Promise<void>;
  /** How many moves were made, and a number that stands for all of them, in their order. */
  traced(): { moves: number; hash: number };
  /** The moves that were made last. */
  lately(): string[];
}

interface Timer {
  due: Millis;
  owner: { readonly alive: boolean };
  ring(): void;
}

/**
 * How long nobody may get anything before the world has come to a standstill: longer than anybody waits for a store or a handler, and shorter
 * than the minute after which an engine looks for what it may have missed.
 */
const patience: Millis = 45_000;
/** How far off a timer may be that rings while there is something else to do: no disk is slower. */
const near: Millis = 1_000;
/** How many moves a run may take. */
const maxMoves = 50_000;

export function createWorld(seed: number): World {
  const random = createRandom(seed);
  let now = Date.parse("2027-01-01T00:00:00Z");
  let timers: Timer[] = [];
  let ids = 0;
  let lastProgress = now;
  let moves = 0;
  let hash = 0x811c9dc5;
  const trace: string[] = [];
  return {
    random,
    now: () => now,
    clockFor: (owner) => ({
      now: () => now,
      random: random.next,
      id,
      timer: (...args) => timer(owner, ...args),
    }),
    pass(time) {
      now += time;
      lastProgress += time;
    },
    progress() {
      lastProgress = now;
    },
    play,
    traced: () => ({ moves, hash }),
    lately: () => trace.slice(-60),
  };

  async function play(possible: () => Move[], until: Promise<unknown>): Promise<void> {
    let over = false;
    const end = () => {
      over = true;
    };
    until.then(end, end);
    for (;;) {
      // What the last move led to comes to rest: promises at once, and what puts itself off until the event loop has come round.
      await settled();
      await settled();
      if (over) return;
      const others = possible();
      const choices = [...others, ...passTime(others.length > 0)];
      if (choices.length === 0)
        throw new Error("G2 a standstill: clients wait, and nothing is left to happen");
      if (now > lastProgress + patience)
        throw new Error("G2 a standstill: clients wait, and what happens is nothing to them");
      if (moves > maxMoves) throw new Error(`G2 clients wait, whatever happens: ${maxMoves} moves`);
      const { name, make } = choose(choices);
      note(name);
      make();
    }
  }

  /** Lets time pass until the next timer rings; no long time while there is something else to do. */
  function passTime(busy: boolean): Move[] {
    timers = timers.filter(({ owner }) => owner.alive);
    const [first] = timers;
    if (first === undefined) return [];
    const next = timers.reduce((one, other) => (other.due < one.due ? other : one), first);
    if (next.due > (busy ? now + near : lastProgress + patience)) return [];
    const make = () => {
      timers.splice(timers.indexOf(next), 1);
      now = Math.max(now, next.due);
      next.ring();
    };
    return [{ name: `time ${next.due}`, weight: 2, make }];
  }

  function choose(choices: Move[]): Move {
    let place = random.next() * choices.reduce((sum, { weight }) => sum + weight, 0);
    for (const choice of choices) {
      place -= choice.weight;
      if (place < 0) return choice;
    }
    return random.pick(choices as [Move, ...Move[]]);
  }

  /** Takes a move into the trace (FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/). */
  function note(name: string): void {
    moves += 1;
    for (let index = 0; index < name.length; index++) {
      hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193) >>> 0;
    }
    trace.push(name);
    if (trace.length > 120) trace.splice(0, 60);
  }

  function timer(owner: Timer["owner"], delay: Millis, ring: () => void): () => void {
    const timer = { due: now + delay, owner, ring };
    timers.push(timer);
    return () => {
      timers = timers.filter((other) => other !== timer);
    };
  }

  function id(): string {
    const bytes = new Uint8Array(10);
    new DataView(bytes.buffer).setUint32(6, ++ids);
    return uuidv7(now, bytes);
  }
}
