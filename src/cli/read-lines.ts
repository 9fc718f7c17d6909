import { createInterface } from "node:readline";

/** What reads lines that somebody types, or that are piped in. */
export interface LineReader extends Disposable {
  /** Whether somebody types. */
  readonly interactive: boolean;
  /** Asks for a line. Undefined when there are no more. Rejects with the signal's reason when that is aborted. */
  ask(prompt: string): Promise<string | undefined>;
}

/** Makes a reader of this process's lines. On a terminal it prompts, and lines can be edited; elsewhere it says nothing. */
export function createLineReader(signal: AbortSignal): LineReader {
  const interactive = process.stdin.isTTY === true && process.stdout.isTTY === true;
  const lines = createInterface({
    input: process.stdin,
    ...(interactive && { output: process.stdout, terminal: true }),
  });
  const iterator = lines[Symbol.asyncIterator]();
  // A terminal that is read key by key gives Ctrl-C as a key.
  lines.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
  return {
    interactive,
    async ask(prompt) {
      signal.throwIfAborted();
      if (interactive) {
        lines.setPrompt(prompt);
        lines.prompt();
      }
      const aborted = Promise.withResolvers<never>();
      const onAbort = () => aborted.reject(signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
      try {
        const { done, value } = await Promise.race([iterator.next(), aborted.promise]);
        return done === true ? undefined : value;
      } finally {
        signal.removeEventListener("abort", onAbort);
      }
    },
    [Symbol.dispose]() {
      lines.close();
    },
  };
}
