import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { exitCodes } from "./exit-code.ts";
import { createFileWatcher } from "./file-watcher.ts";
import type { Output } from "./output.ts";
import type { ServeConfiguration } from "./serve-settings.ts";
import { fileVersion, type SupervisedReport, supervisedVariable } from "./supervised.ts";

/** How long until a server that was killed, or broke down, is started again, in ms: one that always does must not spin. */
const pauseBeforeRestart = 1_000;

/**
 * Serves agents in a process of its own, and starts that again, in order, whenever a file that the agents are made of, or that of the
 * settings, changes. Tasks live on in the store: what the old process does not finish in time, the new one does, at the same port. A server
 * that is killed or breaks down is started again after a second; one that cannot begin again, as when the file is half written, after the
 * next change. Ends, and with what code, as serveCommand does; with 0 if it was told to end before there was a server to pass that on to.
 */
export async function serveWatch(
  { settings, file, shown }: ServeConfiguration,
  output: Output,
): Promise<number> {
  const files = createFileWatcher();
  if (file !== undefined) files.add({ [resolve(file)]: fileVersion(file) });
  // A default of --watch, which the server that is watched does not know of.
  const added = shown.some(({ from }) => from === "--watch") ? ["--drain", String(settings.drain)] : [];
  let child: ChildProcess | undefined;
  const stop = Promise.withResolvers<void>();
  let stopping = false;
  let reloading = false;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      // One that stops already takes another signal for leave to drop what it does.
      if (stopping || !reloading) child?.kill("SIGTERM");
      stopping = true;
      stop.resolve();
    });
  }
  let port: string | undefined;
  for (let run = "first"; ; run = "again") {
    // What changes from here on, this server may not have read any more.
    files.forget();
    reloading = false;
    child = start(run, port === undefined ? added : [...added, "--port", port]);
    child.on("message", (report: SupervisedReport) => {
      files.add(report.files);
      if (report.port !== undefined) port = String(report.port);
    });
    // Its last reports have come by then, as they have not when it exits.
    const closed = once(child, "close");
    const ended = await Promise.race([closed.then(() => true), files.changed().then(() => false)]);
    if (!ended && !stopping) {
      reloading = true;
      child.kill("SIGTERM");
    }
    const code = exitCodeOf(await closed);
    if (stopping || (ended && port === undefined)) return code;
    if (ended) {
      // What is wrong with the files only another change of them mends.
      const [when, restart] =
        code === exitCodes.usage
          ? [" when a file of an agent changes", files.changed()]
          : ["", pause(pauseBeforeRestart)];
      process.stderr.write(`pigeonhole: the server has ended; it starts again${when}\n`);
      await Promise.race([restart, stop.promise]);
    }
    if (!stopping) await output.show({ reloading: true }, () => "Reloading.\n");
    // Also told while that was printed, when there was no server to tell.
    if (stopping) return exitCodes.ok;
  }
}

/** Starts the server that this process's arguments ask for, in a group of its own: Ctrl-C is for this process, which passes it on once. */
function start(run: string, added: readonly string[]): ChildProcess {
  const [, main = "", ...args] = process.argv;
  const given = args.filter((arg) => arg !== "--watch");
  // What stands behind `--` are agents.
  const end = given.includes("--") ? given.indexOf("--") : given.length;
  return spawn(process.execPath, [...process.execArgv, main, ...given.toSpliced(end, 0, ...added)], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    env: { ...process.env, [supervisedVariable]: run },
    detached: true,
  });
}

/** A server that is told to end before it listens to that has nothing to bring to an end. */
function exitCodeOf([code, signal]: unknown[]): number {
  if (signal === "SIGTERM") return exitCodes.ok;
  return typeof code === "number" ? code : exitCodes.failure;
}
