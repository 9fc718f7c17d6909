import type { Millis } from "../store/records.ts";
import type { Measures } from "../store/store.ts";

/** How a turn came to its end. */
export type TurnResult =
  /** It has committed. */
  | "committed"
  /** It failed, and its work is to be tried again. */
  | "retried"
  /** It failed, and its work was given up. */
  | "exhausted"
  /** It lost a race or its server, and is run again as if it had not been. */
  | "returned"
  /** Its task was cancelled or timed out, or it was interrupted. */
  | "stopped";

/** Those who follow logs. */
export interface LogReaders {
  count: number;
  /** How long the one has been behind that has been so for longest, 0 if all have been told everything. */
  lag: Millis;
}

/**
 * What is measured: the seam to whoever keeps the figures. The core tells it what happens, and knows no metric.
 *
 * Every function returns at once and throws nothing. What begins returns the function that ends it.
 */
export interface Meter {
  /** Begins a call of an RPC. It ends with a canonical code, as in `OK` or `NOT_FOUND`. */
  call(call: { service: string; method: string; streams: boolean }): (code: string) => void;
  /** Notes a call of an RPC that was refused before anything was spent on it. */
  callRefused(call: { service: string; method: string; code: string }): void;
  /** Notes that something was refused because a limit was reached. `limit` names it, in snake case: one of a fixed number. */
  limitRefused(limit: string): void;
  /** Begins a turn: `waited` is how long its first event had to wait for it, where there is one. */
  turn(turn: { agent: string; attempt: number; waited?: Millis }): (result: TurnResult) => void;
  /** Notes a transaction of the store. */
  committed(measures: Measures): void;
  /** Says who tells of the readers of logs whenever somebody looks. */
  logReaders(read: () => LogReaders): void;
}

const nothing = (): void => {};

/** Keeps no figures. */
export const noMeter: Meter = {
  call: () => nothing,
  callRefused: nothing,
  limitRefused: nothing,
  turn: () => nothing,
  committed: nothing,
  logReaders: nothing,
};
