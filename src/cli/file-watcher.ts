import { type FSWatcher, statSync, watch } from "node:fs";
import { dirname } from "node:path";
import { fileVersion } from "./supervised.ts";

/** How long files must have been left alone before they count as changed: editors and compilers write more than one. In ms. */
const quiet = 100;

/** Watches files that come to be known one after the other. */
export interface FileWatcher {
  /** Watches more files, and finds that they have changed if they are not of these versions any more. */
  add(files: Record<string, string>): void;
  /** Takes all files as they are now: what has changed until here is not told any more. */
  forget(): void;
  /** Resolves when a file has changed since all were forgotten last. */
  changed(): Promise<void>;
  /** Watches nothing any more. */
  close(): void;
}

/** A folder that is watched. Without a watcher it is not there, and the one that it is to be in is watched instead. */
interface Folder {
  identity: string;
  watcher: FSWatcher | undefined;
}

/**
 * Watches files by their folders, so that one that is replaced, as editors do, is still watched; and folders that are replaced, as compilers
 * do. What else happens in a folder only has the versions of its files compared: a database that is written to beside them all the time
 * neither passes for a change nor hides one.
 */
export function createFileWatcher(): FileWatcher {
  const versions = new Map<string, string>();
  const folders = new Map<string, Folder>();
  let timer: NodeJS.Timeout | undefined;
  let unsettled = false;
  let changed = Promise.withResolvers<void>();

  function lookSoon(): void {
    timer ??= setTimeout(look, quiet);
  }

  function look(): void {
    timer = undefined;
    // Before the versions are compared, so that what is written to a new folder is found either way.
    for (const folder of new Set([...versions.keys()].map((path) => dirname(path)))) watchFolder(folder);
    const found = [...versions].filter(([path, version]) => fileVersion(path) !== version);
    for (const [path] of found) versions.set(path, fileVersion(path));
    if (found.length > 0) {
      unsettled = true;
      lookSoon();
    } else if (unsettled) {
      unsettled = false;
      changed.resolve();
    }
  }

  function watchFolder(path: string): void {
    const identity = identityOf(path);
    const known = folders.get(path);
    if (known?.identity === identity) {
      if (known.watcher === undefined) watchFolder(dirname(path));
      return;
    }
    known?.watcher?.close();
    const watcher = identity === "none" ? undefined : watchNow(path);
    folders.set(path, { identity, watcher });
    if (watcher === undefined) watchFolder(dirname(path));
  }

  /** Gives nothing if the folder has gone meanwhile. */
  function watchNow(path: string): FSWatcher | undefined {
    try {
      const watcher = watch(path, lookSoon);
      // A folder that is removed has nothing more to tell.
      watcher.on("error", () => watcher.close());
      return watcher;
    } catch (error) {
      if (fileVersion(path) !== "none") throw error;
      lookSoon();
      return undefined;
    }
  }

  return {
    add(files) {
      for (const [path, version] of Object.entries(files)) {
        versions.set(path, version);
        watchFolder(dirname(path));
      }
      lookSoon();
    },
    forget() {
      for (const path of versions.keys()) versions.set(path, fileVersion(path));
      unsettled = false;
      changed = Promise.withResolvers();
    },
    changed: () => changed.promise,
    close() {
      clearTimeout(timer);
      for (const { watcher } of folders.values()) watcher?.close();
    },
  };
}

/** Tells one folder from another that has taken its place; `none` if there is none. */
function identityOf(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? "none" : `${found.ino}:${found.birthtimeMs}`;
}
