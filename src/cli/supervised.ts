import { statSync } from "node:fs";
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";

/** Set in the environment of a server that `serve --watch` starts: `first` for the first one, `again` for those after it. */
export const supervisedVariable = "PIGEONHOLE_SUPERVISED";

/** What a server tells the process that watches its files. */
export interface SupervisedReport {
  /** The files that the agents are made of, each with its version as it was loaded. */
  files: Record<string, string>;
  /** The port that it listens on, once it does. */
  port?: number;
}

/** The version of a file that is not there. */
const none = "none";

/** Tells a file's version: another one means that it may have changed. `none` if it is not there. */
export function fileVersion(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? none : `${found.mtimeMs}:${found.size}:${found.ino}`;
}

/**
 * Tells the process that watches which files are loaded from here on, those of packages aside: before each is read, so that it is known
 * even if it does not load, or is not there. Does nothing if nobody watches. Returns what tells the port, and returns whether this is not
 * the first server.
 */
export function reportToSupervisor(): (port: number) => boolean {
  const supervised = process.env[supervisedVariable];
  if (supervised === undefined || process.send === undefined) return () => false;
  const send = (report: SupervisedReport) => process.connected && process.send?.(report);
  const tell = (url: string, versionOf: (path: string) => string) => {
    if (!url.startsWith("file:") || url.includes("/node_modules/")) return;
    const path = fileURLToPath(url);
    send({ files: { [path]: versionOf(path) } });
  };
  registerHooks({
    resolve(specifier, context, nextResolve) {
      try {
        return nextResolve(specifier, context);
      } catch (error) {
        // A file that is imported and not there may still come to be.
        if (isNotFound(error)) tell(error.url, () => none);
        throw error;
      }
    },
    load(url, context, nextLoad) {
      tell(url, fileVersion);
      return nextLoad(url, context);
    },
  });
  return (port) => {
    send({ files: {}, port });
    return supervised === "again";
  };
}

/** Whether an import has failed because its file is not there. */
function isNotFound(error: unknown): error is Error & { url: string } {
  if (!(error instanceof Error && "code" in error && "url" in error)) return false;
  return error.code === "ERR_MODULE_NOT_FOUND" && typeof error.url === "string";
}

/** Resolves when the process that watches is gone, or once it is, which nobody else would notice. Never if nobody watches. */
export function supervisorGone(): Promise<0> {
  return new Promise((resolve) => {
    if (process.env[supervisedVariable] === undefined) return;
    if (process.connected) process.once("disconnect", () => resolve(0));
    else resolve(0);
  });
}
