import type { ReadLog } from "../store/queries.ts";
import type { LogEntry, LogPage } from "../store/records.ts";
import { entrySize } from "./entry-size.ts";
import { mergeDeltas } from "./merge-deltas.ts";

/** What the window holds at most, and what is read at a time. One entry that is larger is held alone. */
const maxEntries = 256;
const maxBytes = 262_144;

/**
 * The newest entries of one log, shared by all who follow it: what is appended is read from the store once for all of them.
 *
 * The log is the buffer, and this is a window on its end. It holds little, drops the oldest first, and never blocks anybody: a follower who
 * has fallen out of the window reads on from the store. Nobody misses a wake-up: whoever waits after `changed` was called is woken.
 *
 * The window may still have deltas that have left the log since, before an entry that ends their message without its parts. That is whole
 * for whoever has all that came before, and half of a message for whoever has read from the compacted log that they are gone.
 * Therefore only those who have read up to the log's end are served from it, and those who begin with its first entry.
 */
export class Tail {
  readonly #read: (args: ReadLog) => Promise<LogPage>;
  readonly #taskId: string;
  #entries: LogEntry[] = [];
  /** The sequence after which the window begins: it has every entry from there on, up to `#last`. */
  #first = 0;
  /** The sequence that the window reaches up to. Undefined until a follower has reached the log's end. */
  #last: number | undefined;
  #ended = false;
  #stale = false;
  #reading = false;
  #waiters = new Set<{ wake(): void; fail(error: unknown): void }>();
  /** The last answer of `after`: followers in step ask for the same. */
  #answer: { cursor: number; last: number; page: LogPage } | undefined;

  constructor(taskId: string, read: (args: ReadLog) => Promise<LogPage>) {
    this.#taskId = taskId;
    this.#read = read;
  }

  /** Tells that the log has grown, or is gone. */
  changed(): void {
    this.#stale = true;
    if (this.#waiters.size > 0) void this.#refresh();
  }

  /**
   * Gives the entries after a cursor, adjacent deltas merged: from the window where it reaches back so far, else from the store.
   * `caughtUp` tells that the page before reached the log's end.
   *
   * Who begins is not told less than was acknowledged before: a window that nobody has waited at may be far behind, or of a log that is gone.
   */
  async after(cursor: number, caughtUp: boolean): Promise<LogPage> {
    const begins = cursor === 0 && !this.#stale && !this.#reading;
    const shared = caughtUp || begins ? this.#fromWindow(cursor) : undefined;
    if (shared !== undefined) return shared;
    const page = await this.#read({ taskId: this.#taskId, afterSequence: cursor, maxEntries, maxBytes });
    const reached = page.entries.at(-1)?.sequence ?? cursor;
    if (reached === page.lastSequence && (this.#last ?? -1) < reached) this.#move(page, cursor, reached);
    return { ...page, entries: mergeDeltas(page.entries) };
  }

  /**
   * Waits until the log has grown past a cursor that `after` gave nothing for, or until the timer rings. Resolves with whether the log has
   * grown; rejects when the signal aborts, or the store cannot be read. `timer` sets a timer and returns what stops it.
   */
  async grown(
    cursor: number,
    signal: AbortSignal,
    timer: (ring: () => void) => () => void,
  ): Promise<boolean> {
    if (this.#last !== cursor) return true;
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    const waiter = { wake: () => resolve(true), fail: reject };
    const onAbort = () => reject(signal.reason);
    const stopTimer = timer(() => resolve(false));
    signal.addEventListener("abort", onAbort, { once: true });
    this.#waiters.add(waiter);
    if (this.#stale) void this.#refresh();
    try {
      return await promise;
    } finally {
      stopTimer();
      this.#waiters.delete(waiter);
      signal.removeEventListener("abort", onAbort);
    }
  }

  #fromWindow(cursor: number): LogPage | undefined {
    const last = this.#last;
    if (last === undefined || cursor > last || cursor < this.#first) return undefined;
    if (this.#answer?.cursor === cursor && this.#answer.last === last) return this.#answer.page;
    const entries = mergeDeltas(this.#entries.slice(countUpTo(this.#entries, cursor)));
    const page = { entries, lastSequence: last, ended: this.#ended };
    this.#answer = { cursor, last, page };
    return page;
  }

  async #refresh(): Promise<void> {
    if (this.#reading) return;
    this.#reading = true;
    try {
      while (this.#stale && this.#last !== undefined) {
        this.#stale = false;
        const from = this.#last;
        const page = await this.#read({ taskId: this.#taskId, afterSequence: from, maxEntries, maxBytes });
        const reached = page.entries.at(-1)?.sequence ?? from;
        if (reached > this.#last) this.#move(page, from, reached);
        if (reached < page.lastSequence) this.#stale = true;
      }
    } catch (error) {
      this.#stale = true;
      for (const { fail } of this.#waiters) fail(error);
    } finally {
      this.#reading = false;
    }
  }

  /** Takes in a page that was read after `from`: it goes on from the window, or begins it anew. */
  #move(page: LogPage, from: number, reached: number): void {
    const last = this.#last ?? -1;
    const joins = from <= last;
    const entries = joins
      ? [...this.#entries, ...page.entries.slice(countUpTo(page.entries, last))]
      : page.entries;
    const dropped = countTooMany(entries);
    if (dropped > 0) this.#first = entries[dropped - 1]?.sequence ?? reached;
    else if (!joins) this.#first = from;
    this.#entries = entries.slice(dropped);
    this.#last = reached;
    this.#ended = page.ended && reached === page.lastSequence;
    for (const { wake } of this.#waiters) wake();
  }
}

/** Counts the entries up to a sequence. Sequences increase, with gaps where deltas were compacted. */
function countUpTo(entries: readonly LogEntry[], sequence: number): number {
  let [low, high] = [0, entries.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((entries[middle]?.sequence ?? Number.POSITIVE_INFINITY) <= sequence) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Counts the oldest entries that do not fit into the window. The newest always does. */
function countTooMany(entries: readonly LogEntry[]): number {
  let first = entries.length;
  let bytes = 0;
  while (first > 0 && entries.length - first < maxEntries) {
    const entry = entries[first - 1];
    bytes += entry === undefined ? 0 : entrySize(entry);
    if (bytes > maxBytes && first < entries.length) break;
    first -= 1;
  }
  return first;
}
