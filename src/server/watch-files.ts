import { unwatchFile, watchFile } from "node:fs";
import type { Logger } from "./agent.ts";

/** How often the files are looked at, in ms. Looked at, not listened to: a mounted secret is replaced by way of symbolic links. */
const lookInterval = 2_000;

export interface FilesOptions<T> {
  /** What they hold, for the log, as in `the certificates`. */
  name: string;
  paths: readonly string[];
  /** Reads and checks them. */
  read(): Promise<T>;
  /** Tells what of their content is worth a line in the log. */
  describe(content: T): Record<string, unknown>;
  log: Logger;
}

/** What files hold, read again whenever one of them has changed. */
export interface WatchedFiles<T> {
  /** What they held when they could last be used. */
  readonly content: T;
  /** Calls back with what they hold when that is another. */
  watch(onChange: (content: T) => void): void;
  /** Reads them again now. If they cannot be used, the log says so, and what was before stays. */
  reload(): Promise<void>;
  /** Stops looking: nobody is told any more, also of what is being read. */
  close(): void;
}

/** Reads files, and looks at them until they are closed. Rejects as `read` does. */
export async function watchFiles<T>(options: FilesOptions<T>): Promise<WatchedFiles<T>> {
  const { name, paths, describe, log } = options;
  const listeners: ((content: T) => void)[] = [];
  const onChange = () => void reload();
  // Before they are read, so that what changes meanwhile is found.
  for (const path of paths) watchFile(path, { interval: lookInterval, persistent: false }, onChange);
  let closed = false;
  const first = options.read();
  let reading = first.then(() => {}, close);
  let content: T = await first;

  /** One reading after the other: of two at once, the one that began first may end last. */
  function reload(): Promise<void> {
    reading = reading.then(readAgain);
    return reading;
  }

  async function readAgain(): Promise<void> {
    if (closed) return;
    let read: T;
    try {
      read = await options.read();
    } catch (error) {
      if (!closed) log.error(`${name} were read again and cannot be used; those before stay`, { error });
      return;
    }
    if (closed) return;
    content = read;
    tell((read) => log.info(`${name} were read again`, describe(read)));
    for (const listener of listeners) tell(listener);
  }

  /** One who cannot use what was read keeps it from nobody else. */
  function tell(listener: (content: T) => void): void {
    try {
      listener(content);
    } catch (error) {
      log.error(`${name} were read again, and not all who use them could take them`, { error });
    }
  }

  function close(): void {
    closed = true;
    for (const path of paths) unwatchFile(path, onChange);
  }

  return {
    get content() {
      return content;
    },
    watch: (listener) => void listeners.push(listener),
    reload,
    close,
  };
}
