import type { Clock } from "../clock.ts";
import { hasReason } from "../errors.ts";
import type { OutputEntry } from "../store/calls.ts";
import type { Millis } from "../store/records.ts";

/** How many bytes may be on their way to the log before a handler that shows more has to wait. */
const highWater = 65_536;
/** The longest text that one delta gathers, in UTF-16 code units. */
const maxDeltaLength = 32_768;
/** How long to wait before trying again when the store cannot write. */
const storeBackoff: Millis = 250;

/** What a turn shows, on its way to the log. */
export interface TurnOutput {
  /** Takes an entry. Throws once an earlier write has failed for good, as with TURN_OVER. */
  push(entry: OutputEntry, size: number): void;
  /** Resolves when little enough is on its way that more may follow. If a write has failed, the next push says so. */
  room(): Promise<void>;
  /** Waits for the write under way, and returns what was not written yet, for the turn's commit. */
  finish(): Promise<OutputEntry[]>;
  /** Drops what was not written. */
  close(): void;
}

/**
 * Gathers what a turn shows and appends it to the log, one write at a time: what comes while a write is under way goes into the next, and
 * adjacent deltas become one. So output is seen as soon as the store can take it, and a fast writer costs no more writes than a slow one.
 *
 * `lost` is called when a write fails for good: the turn is over.
 */
export function createTurnOutput(
  append: (output: OutputEntry[]) => Promise<void>,
  clock: Clock,
  lost: (error: unknown) => void,
): TurnOutput {
  let gathered: OutputEntry[] = [];
  let size = 0;
  let writing: Promise<void> | undefined;
  let scheduled: NodeJS.Immediate | undefined;
  let closed = false;
  let failure: { error: unknown } | undefined;
  let waiters: (() => void)[] = [];

  return {
    push(entry, entrySize) {
      if (failure !== undefined) throw failure.error;
      add(gathered, entry);
      size += entrySize;
      if (writing === undefined) scheduled ??= setImmediate(write);
    },
    room() {
      if (size < highWater || failure !== undefined || closed) return Promise.resolve();
      return new Promise((resolve) => waiters.push(resolve));
    },
    async finish() {
      clearImmediate(scheduled);
      closed = true;
      await writing;
      if (failure !== undefined) throw failure.error;
      const rest = gathered;
      gathered = [];
      return rest;
    },
    close() {
      clearImmediate(scheduled);
      closed = true;
      settleWaiters();
    },
  };

  function write(): void {
    scheduled = undefined;
    if (closed || gathered.length === 0) return;
    const output = gathered;
    const written = size;
    gathered = [];
    writing = append(output)
      .then(
        () => {
          size -= written;
        },
        async (error: unknown) => {
          if (!hasReason(error, "STORE_UNAVAILABLE", "OVERLOADED")) throw error;
          gathered = [...output, ...gathered];
          await new Promise<void>((resolve) => clock.timer(storeBackoff, resolve));
        },
      )
      .catch((error: unknown) => {
        failure = { error };
        lost(error);
      })
      .finally(() => {
        writing = undefined;
        if (size < highWater || failure !== undefined) settleWaiters();
        if (failure === undefined) write();
      });
  }

  function settleWaiters(): void {
    for (const resolve of waiters) resolve();
    waiters = [];
  }
}

/** Appends an entry, or merges a delta of text into the one before it. */
function add(entries: OutputEntry[], entry: OutputEntry): void {
  const last = entries.at(-1);
  if (
    last?.kind === "delta" &&
    entry.kind === "delta" &&
    last.delta.text !== undefined &&
    entry.delta.text !== undefined &&
    last.delta.messageId === entry.delta.messageId &&
    last.delta.partIndex === entry.delta.partIndex &&
    last.delta.text.length + entry.delta.text.length <= maxDeltaLength
  ) {
    last.delta = { ...last.delta, text: last.delta.text + entry.delta.text };
  } else {
    entries.push(entry);
  }
}
