import { openOurs } from "../database.ts";

/**
 * Looks at a database, also while a server uses it: whether it is one that a server of this version takes, and whether it is sound, as far
 * as SQLite tells without its indexes. Returns the first fault; undefined if there is none. Throws STORE_UNAVAILABLE if no server takes it.
 */
export function lookAtDatabase(path: string): string | undefined {
  const db = openOurs(path, { older: true, refusal: "no server can use it" });
  try {
    const { quick_check: result } = db.prepare("pragma quick_check(1)").get() ?? {};
    return result === "ok" ? undefined : String(result);
  } finally {
    db.close();
  }
}
