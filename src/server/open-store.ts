import { TaskError } from "./errors.ts";
import { openSqliteStore } from "./store/sqlite/sqlite-store.ts";
import type { Measures, Store } from "./store/store.ts";

/**
 * Opens the store that a URL names: `sqlite:PATH`, a file that is made if it is not there, or `memory:`, gone with the process.
 * `onMeasures` is told of its transactions. Rejects with STORE_UNAVAILABLE if it cannot be used, VALUE_INVALID if the URL names none.
 */
export function openStore(url: string, onMeasures?: (measures: Measures) => void): Promise<Store> {
  if (url === "memory:") return openSqliteStore(":memory:", onMeasures);
  const path = /^sqlite:(.+)$/s.exec(url)?.[1];
  if (path !== undefined) return openSqliteStore(path, onMeasures);
  return Promise.reject(
    new TaskError("VALUE_INVALID", `the store must be sqlite:PATH or memory:, not ${JSON.stringify(url)}`),
  );
}
