import { exitCodes, Stopped } from "./exit-code.ts";

/** Makes a signal that is aborted when the process is told to end. A second time ends it at once. */
export function createStopSignal(onInterrupt: () => boolean = () => false): AbortSignal {
  const controller = new AbortController();
  const listen = (signal: NodeJS.Signals, exitCode: number, isTaken: () => boolean) =>
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(exitCode);
      if (!isTaken()) controller.abort(new Stopped(exitCode));
    });
  listen("SIGINT", exitCodes.interrupted, onInterrupt);
  listen("SIGTERM", exitCodes.terminated, () => false);
  return controller.signal;
}
