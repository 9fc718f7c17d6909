import type { JsonObject, JsonValue } from "@bufbuild/protobuf";

/** What a revision of a state did to one key. */
export interface StateChange {
  key: string;
  /** Absent where there was nothing. */
  before: JsonValue | undefined;
  /** Absent where it was deleted. */
  after: JsonValue | undefined;
}

/** Gives the keys in which two states differ, in their order, with both values. */
export function changesBetween(before: JsonObject, after: JsonObject): StateChange[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return keys
    .map((key) => ({ key, before: readKey(before, key), after: readKey(after, key) }))
    .filter(({ before, after }) => JSON.stringify(before) !== JSON.stringify(after));
}

/** Not `state[key]`, because a key may be one that every object has. */
function readKey(state: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(state, key) ? state[key] : undefined;
}
