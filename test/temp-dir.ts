import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { openSqliteStore } from "../src/server/store/sqlite/sqlite-store.ts";
import type { Store } from "../src/server/store/store.ts";

/** Makes a folder that is removed after the test. */
export function tempDir(): string {
  const dir = mkdtempSync(join(tmpdir(), "pigeonhole-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  return dir;
}

/** Opens a store that is closed after the test, if it is not before. */
export async function openStore(path: string): Promise<Store> {
  const store = await openSqliteStore(path);
  onTestFinished(() => store.close());
  return store;
}
