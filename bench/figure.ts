import { quiet } from "./quiet.ts";
import type { Rate } from "./rate.ts";
import { type Spread, spread } from "./stats.ts";

/** What a figure needs to measure. */
export interface Bench {
  /** How many rounds to measure. */
  rounds: number;
  /** A directory on a real disk, removed at the end. */
  directory: string;
}

/** One question to measure. */
export interface Figure {
  /** What `--only` calls it. */
  name: string;
  /** The question, in words. */
  title: string;
  measure(bench: Bench): Promise<Row[]>;
}

/** One answer. */
export interface Row extends Spread {
  name: string;
  unit: string;
  rounds: number;
  target?: Target;
}

/** What the median is meant to be. */
export type Target = { atLeast: number } | { atMost: number };

/** Makes a row of what the rounds measured. */
export function row(name: string, unit: string, values: readonly number[], target?: Target): Row {
  return { name, unit, ...spread(values), rounds: values.length, ...(target ? { target } : {}) };
}

/** Makes the rows of a rate: how fast, and at what cost. */
export function rateRows(name: string, unit: string, rates: readonly Rate[]): Row[] {
  return [
    row(name, unit, perSecond(rates)),
    row(
      `${name}: CPU of the server, each`,
      "us",
      rates.map((rate) => rate.cpu),
    ),
  ];
}

/** Picks the rates' speeds. */
export function perSecond(rates: readonly Rate[]): number[] {
  return rates.map((rate) => rate.perSecond);
}

/** Tells whether a row reaches its target. */
export function isMet(row: Row): boolean | undefined {
  if (!row.target) return undefined;
  return "atLeast" in row.target ? row.median >= row.target.atLeast : row.median <= row.target.atMost;
}

/** Measures the variants in turns, A B A B, so that what disturbs the machine disturbs them alike; each waits for a quiet moment. */
export async function interleave<Name extends string, T>(
  rounds: number,
  variants: Readonly<Record<Name, () => Promise<T>>>,
): Promise<Record<Name, T[]>> {
  const names = Object.keys(variants) as Name[];
  const results = Object.fromEntries(names.map((name) => [name, [] as T[]])) as Record<Name, T[]>;
  for (let round = 0; round < rounds; round++) {
    for (const name of names) {
      await quiet();
      results[name].push(await variants[name]());
    }
  }
  return results;
}
