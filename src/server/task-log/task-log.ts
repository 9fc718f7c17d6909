import type { Clock } from "../clock.ts";
import { TaskError } from "../errors.ts";
import type { LogEntry, Millis } from "../store/records.ts";
import type { Store } from "../store/store.ts";
import { type Meter, noMeter } from "../telemetry/meter.ts";
import { type AwaitedEvent, type AwaitSettled, awaitSettled } from "./await-settled.ts";
import { createReaders } from "./readers.ts";
import { Tail } from "./tail.ts";

/** What a follower is told: an entry, or that it has been told everything up to a sequence. */
export type LogUpdate = LogEntry | { kind: "heartbeat"; sequence: number; time: Millis };

export interface Follow {
  taskId: string;
  afterSequence: number;
  /** Ends the following: the iteration throws its reason. */
  signal: AbortSignal;
}

/** The logs of all tasks, for live readers. */
export interface TaskLog {
  /**
   * Follows a task's log, as many updates at a time as there are: what comes after a sequence, then what happens, until after the final
   * entry (G4). A heartbeat comes when the reader has caught up, and whenever nothing has come for the heartbeat's interval. The reader
   * pulls: one that stalls holds one page of at most about 256 KiB and misses nothing. Throws TASK_NOT_FOUND or SEQUENCE_OUT_OF_RANGE.
   */
  follow(args: Follow): AsyncGenerator<readonly LogUpdate[], void>;
  /**
   * Waits until an event is settled, PROCESSED, DEAD_LETTERED or DROPPED, or the time has passed. Resolves with the event as it is then,
   * for one that was settled long ago at once, however short the time is. Rejects with the signal's reason, or TASK_NOT_FOUND.
   */
  settled(args: AwaitSettled): Promise<AwaitedEvent>;
  /** Stops listening to the store. */
  close(): void;
}

export interface TaskLogOptions {
  store: Store;
  clock: Clock;
  /** How long a reader hears nothing before a heartbeat. */
  heartbeat: Millis;
  /** Keeps the figures of readers. Default: nobody. */
  meter?: Meter;
}

export function createTaskLog({ store, clock, heartbeat, meter = noMeter }: TaskLogOptions): TaskLog {
  const tails = new Map<string, { tail: Tail; followers: number }>();
  const readers = meter === noMeter ? undefined : createReaders(clock);
  if (readers !== undefined) meter.logReaders(readers.figures);
  const unwatch = store.watch(({ grown }) => {
    for (const taskId of grown) {
      tails.get(taskId)?.tail.changed();
      readers?.grown(taskId);
    }
  });
  return { follow, settled: (args) => awaitSettled(follow, clock, args), close: unwatch };

  async function* follow({
    taskId,
    afterSequence,
    signal,
  }: Follow): AsyncGenerator<readonly LogUpdate[], void> {
    const tail = acquire(taskId);
    const reader = readers?.enter(taskId);
    try {
      let cursor = afterSequence;
      let caughtUp = false;
      let told = false;
      for (;;) {
        signal.throwIfAborted();
        const page = await tail.after(cursor, caughtUp);
        requireInRange(taskId, cursor, page.lastSequence);
        if (page.entries.length > 0) yield page.entries;
        cursor = page.entries.at(-1)?.sequence ?? cursor;
        caughtUp = cursor === page.lastSequence;
        if (!caughtUp) continue;
        if (page.ended) return;
        reader?.caughtUp();
        if (!told) yield [beat(cursor)];
        told = true;
        while (!(await tail.grown(cursor, signal, timer))) yield [beat(cursor)];
      }
    } finally {
      reader?.leave();
      release(taskId);
    }
  }

  function beat(sequence: number): LogUpdate {
    return { kind: "heartbeat", sequence, time: clock.now() };
  }

  function timer(ring: () => void): () => void {
    return clock.timer(heartbeat, ring);
  }

  function acquire(taskId: string): Tail {
    const found = tails.get(taskId);
    const shared = found ?? { tail: new Tail(taskId, store.readLog), followers: 0 };
    shared.followers += 1;
    if (found === undefined) tails.set(taskId, shared);
    return shared.tail;
  }

  function release(taskId: string): void {
    const shared = tails.get(taskId);
    if (shared === undefined) return;
    shared.followers -= 1;
    if (shared.followers === 0) tails.delete(taskId);
  }
}

function requireInRange(taskId: string, cursor: number, lastSequence: number): void {
  if (cursor <= lastSequence) return;
  const description = `must be at most ${lastSequence}, the sequence of the newest entry`;
  throw new TaskError(
    "SEQUENCE_OUT_OF_RANGE",
    `after_sequence is ${cursor}; in the log of task ${taskId} it ${description}`,
    {
      metadata: { last_sequence: String(lastSequence) },
      fields: [{ field: "after_sequence", description }],
    },
  );
}
