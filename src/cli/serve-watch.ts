import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type FSWatcher, watch } from "node:fs";
import { dirname, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Output } from "./output.ts";
import type { ServeConfiguration } from "./serve-settings.ts";
import { fileVersion, type SupervisedReport, supervisedVariable } from "./supervised.ts";
import { UsageError } from "./usage-error.ts";

/** How long files must have been left alone before the server starts again: editors and compilers write more than one. In ms. */
const quiet = 100;

/** How long until a server that was killed, or broke down, is started again, in ms: one that always does must not spin. */
const pauseBeforeRestart = 1_000;

/**
 * Serves agents in a process of its own, and starts that again, in order, whenever a file that the agents are made of, or that of the
 * settings, changes. Tasks live on in the store: what the old process does not finish in time, the new one does, at the same port. A server
 * that is killed or breaks down is started again after a second; one that cannot begin again, as when the file is half written, after the
 * next change. Ends, and with what code, as serveCommand does.
 */
export async function serveWatch(
  { settings, file, shown }: ServeConfiguration,
  output: Output,
): Promise<number> {
  if (settings.store === "memory:")
    throw new UsageError("--watch needs a store that outlives a restart: sqlite:PATH");
  const files = createFileWatcher();
  if (file !== undefined) files.add({ [resolve(file)]: fileVersion(file) });
  // A default of --watch, which the server that is watched does not know of.
  const added = shown.some(({ from }) => from === "--watch") ? ["--drain", String(settings.drain)] : [];
  let child: ChildProcess | undefined;
  let signals = 0;
  const stop = Promise.withResolvers<void>();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      signals += 1;
      child?.kill("SIGTERM");
      stop.resolve();
    });
  }
  let port: string | undefined;
  let served = false;
  for (let run = "first"; ; run = "again") {
    child = start(run, port === undefined ? added : [...added, "--port", port]);
    let listened = false;
    child.on("message", (report: SupervisedReport) => {
      files.add(report.files);
      if (report.port === undefined) return;
      served = listened = true;
      port = String(report.port);
    });
    const exited = once(child, "exit");
    const ended = await Promise.race([exited.then(() => true), files.changed().then(() => false)]);
    if (signals > 0) return exitCodeOf(await exited);
    if (ended && !served) return exitCodeOf(await exited);
    if (ended) {
      const [when, restart] = listened
        ? ["", pause(pauseBeforeRestart)]
        : [" when a file of an agent changes", files.changed()];
      process.stderr.write(`pigeonhole: the server has ended; it starts again${when}\n`);
      await Promise.race([restart, stop.promise]);
      if (signals > 0) return exitCodeOf(await exited);
    } else {
      child.kill("SIGTERM");
      await exited;
      if (signals > 0) return 0;
    }
    await output.show({ reloading: true }, () => "Reloading.\n");
  }
}

/** Starts the server that this process's arguments ask for, in a group of its own: Ctrl-C is for this process, which passes it on once. */
function start(run: string, added: readonly string[]): ChildProcess {
  const [, main = "", ...args] = process.argv;
  const given = args.filter((arg) => arg !== "--watch");
  return spawn(process.execPath, [...process.execArgv, main, ...given, ...added], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    env: { ...process.env, [supervisedVariable]: run },
    detached: true,
  });
}

function exitCodeOf([code]: unknown[]): number {
  return typeof code === "number" ? code : 1;
}

/** Watches files by their folders, so that one that is replaced, as editors do, is still watched. */
function createFileWatcher() {
  const versions = new Map<string, string>();
  const folders = new Map<string, FSWatcher>();
  let timer: NodeJS.Timeout | undefined;
  let changed = Promise.withResolvers<void>();

  return {
    /** Watches more files, and says that they have changed if they are not of these versions any more. */
    add(files: Record<string, string>): void {
      for (const [path, version] of Object.entries(files)) {
        versions.set(path, version);
        watchFolder(dirname(path));
      }
      look();
    },
    /** Resolves when a file has changed since this last resolved. */
    async changed(): Promise<void> {
      await changed.promise;
      changed = Promise.withResolvers();
    },
  };

  function watchFolder(folder: string): void {
    if (folders.has(folder)) return;
    const watcher = watch(folder, look);
    // A folder that is removed has nothing more to tell.
    watcher.on("error", () => watcher.close());
    folders.set(folder, watcher);
  }

  function look(): void {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const found = [...versions].filter(([path, version]) => fileVersion(path) !== version);
      for (const [path] of found) versions.set(path, fileVersion(path));
      if (found.length > 0) changed.resolve();
    }, quiet);
  }
}
