import type { JsonValue } from "@bufbuild/protobuf";
import type { TurnState } from "../agent.ts";
import { TaskError } from "../errors.ts";
import type { StateRecord } from "../store/records.ts";
import { entryLength, maxStateLength } from "../store/state-length.ts";
import { requireJson } from "./json-value.ts";

const maxKeyLength = 256;
const maxValueLength = 262_144;

/** Makes a turn's view of its task's state, over what was stored when the turn began. `requireOpen` throws once the turn is over. */
export function createTurnState(stored: StateRecord, requireOpen: () => void) {
  const values = new Map(Object.entries(stored.values));
  const changes = new Map<string, string | null>();
  const reads = new Set<string>();
  let readsAll = false;
  let total = [...values].reduce((sum, [key, text]) => sum + entryLength(key, text), 0);

  const state: TurnState = {
    revision: stored.revision,
    keys() {
      readsAll = true;
      return [...values.keys()];
    },
    get<T extends JsonValue = never>(key: string) {
      reads.add(key);
      const text = values.get(key);
      // What was stored under a key is of the type that the agent stored.
      return text === undefined ? undefined : (JSON.parse(text) as T);
    },
    set(key, value) {
      requireOpen();
      if (typeof key !== "string" || key.length < 1 || key.length > maxKeyLength || !key.isWellFormed()) {
        throw invalid(`a key must be a string of 1 to ${maxKeyLength} characters`);
      }
      requireJson(value, `state.${key}`);
      const text = JSON.stringify(value);
      if (text.length > maxValueLength) {
        throw invalid(`${key} takes ${text.length} characters of JSON, and may take ${maxValueLength}`);
      }
      const grown = total + text.length - (values.get(key)?.length ?? -key.length);
      if (grown > maxStateLength) {
        throw invalid(`the state would take ${grown} characters with ${key}, and may take ${maxStateLength}`);
      }
      total = grown;
      values.set(key, text);
      changes.set(key, text);
    },
    delete(key) {
      requireOpen();
      // Whether there was one is read, too.
      reads.add(key);
      const text = values.get(key);
      if (text === undefined) return false;
      total -= entryLength(key, text);
      values.delete(key);
      changes.set(key, null);
      return true;
    },
  };
  return {
    state,
    changes: () => Object.fromEntries(changes),
    reads: (): readonly string[] | "all" => (readsAll ? "all" : [...reads]),
  };
}

function invalid(message: string): TaskError {
  return new TaskError("VALUE_INVALID", `state: ${message}`);
}
