import type { JsonObject } from "@bufbuild/protobuf";

/** A revision of a task's state that the page has seen. */
export interface SeenState {
  revision: bigint;
  state: JsonObject;
  /** The keys in which it differs from the one seen before. */
  changed: readonly string[];
}

/** Gives the keys whose values differ, or that only one of the two has. */
export function changedKeys(before: JsonObject, after: JsonObject): string[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]));
}
