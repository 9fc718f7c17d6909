/** Numbers that a seed determines. */
export interface Random {
  /** A number from 0 to 1, 1 excluded. */
  next(): number;
  /** A whole number from `min` to `max`, both included. */
  between(min: number, max: number): number;
  /** True in so many cases of 1. */
  chance(probability: number): boolean;
  /** One of several. */
  pick<T>(items: readonly [T, ...T[]]): T;
}

/** Makes numbers by the method "mulberry32". */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  return { next, between, chance: (probability) => next() < probability, pick };

  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  function between(min: number, max: number): number {
    return min + Math.floor(next() * (max - min + 1));
  }

  function pick<T>(items: readonly [T, ...T[]]): T {
    return items[between(0, items.length - 1)] ?? items[0];
  }
}
