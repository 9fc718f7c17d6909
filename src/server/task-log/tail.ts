import type { LogEntry, LogPage, ReadLog } from "../store/records.ts";
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
 */
export class Tail {
  readonly #read: (args: ReadLog) => Promise<LogPage>;
  readonly #taskId: string;
  #entries: LogEntry[] = [];
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

  /** Tells that the log has grown. */
  changed(): void {
    this.#stale = true;
    if (this.#waiters.size > 0) void this.#refresh();
  }

  /** Gives the entries after a cursor, adjacent deltas merged: from the window where it reaches back so far, else from the store. */
  async after(cursor: number): Promise<LogPage> {
    const shared = this.#fromWindow(cursor);
    if (shared !== undefined) return shared;
    const page = await this.#read({ taskId: this.#taskId, afterSequence: cursor, maxEntries, maxBytes });
    const reached = page.entries.at(-1)?.sequence ?? cursor;
    if (reached === page.lastSequence && (this.#last ?? -1) < reached) this.#move(page, reached);
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
    if (last === undefined || cursor > last) return undefined;
    const first = this.#entries[0]?.sequence ?? last + 1;
    if (cursor < first - 1) return undefined;
    if (this.#answer?.cursor === cursor && this.#answer.last === last) return this.#answer.page;
    const entries = mergeDeltas(this.#entries.slice(cursor - first + 1));
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
        const page = await this.#read({
          taskId: this.#taskId,
          afterSequence: this.#last,
          maxEntries,
          maxBytes,
        });
        const reached = page.entries.at(-1)?.sequence ?? this.#last;
        if (reached > this.#last) this.#move(page, reached);
        if (reached < page.lastSequence) this.#stale = true;
      }
    } catch (error) {
      this.#stale = true;
      for (const { fail } of this.#waiters) fail(error);
    } finally {
      this.#reading = false;
    }
  }

  /** Takes in a page that goes on from the window, or begins it anew. */
  #move(page: LogPage, reached: number): void {
    const last = this.#last ?? 0;
    const entries = page.entries.filter(({ sequence }) => sequence > last);
    const joins = entries[0]?.sequence === last + 1;
    this.#entries = newest(joins ? [...this.#entries, ...entries] : entries);
    this.#last = reached;
    this.#ended = page.ended && reached === page.lastSequence;
    for (const { wake } of this.#waiters) wake();
  }
}

/** Gives the newest entries that fit into the window, one at least. */
function newest(entries: LogEntry[]): LogEntry[] {
  let first = entries.length;
  let bytes = 0;
  while (first > 0 && entries.length - first < maxEntries) {
    const entry = entries[first - 1];
    bytes += entry === undefined ? 0 : entrySize(entry);
    if (bytes > maxBytes && first < entries.length) break;
    first -= 1;
  }
  return entries.slice(first);
}
