import { EventState } from "../../proto.ts";
import type { Clock } from "../clock.ts";
import { linkSignals } from "../link-signals.ts";
import type { EventRecord, Millis } from "../store/records.ts";
import type { TaskLog } from "./task-log.ts";

export interface AwaitSettled {
  /** The event as it was accepted. */
  event: EventRecord;
  /** How long to wait at most. */
  timeout: Millis;
  /** Ends the wait: it rejects with the signal's reason. */
  signal: AbortSignal;
}

/** An event as it is when the wait for it is over. */
export interface AwaitedEvent {
  event: EventRecord;
  /** The sequence of the entry that settled it. Absent when the time has passed before. */
  settledSequence?: number;
}

type FollowLog = TaskLog["follow"];

const timedOut = Symbol("timed out");

/** Waits as `TaskLog.settled` says, with what follows a log. */
export async function awaitSettled(
  follow: FollowLog,
  clock: Clock,
  { event, timeout, signal }: AwaitSettled,
): Promise<AwaitedEvent> {
  const linked = linkSignals(signal);
  // However short the time is, what has become of the event by now is told.
  const { promise: caughtUp, resolve: onCaughtUp } = Promise.withResolvers<void>();
  const stopTimer = clock.timer(timeout, () => void caughtUp.then(() => linked.abort(timedOut)));
  let awaited: AwaitedEvent = { event };
  try {
    for await (const progress of progressOf(follow, event, linked.signal, onCaughtUp)) awaited = progress;
  } catch (error) {
    if (error !== timedOut) throw error;
  } finally {
    stopTimer();
    linked.release();
  }
  return awaited;
}

/**
 * Tells each state that an event comes to, until it is settled or the log ends.
 *
 * The event is known by its id: one that was sent for later, or was redriven, has a new sequence. What comes before the first heartbeat
 * is the past, in which an event that was dead-lettered may have been redriven. `onCaughtUp` is called at its end.
 */
async function* progressOf(
  follow: FollowLog,
  { id, taskId, sequence }: EventRecord,
  signal: AbortSignal,
  onCaughtUp: () => void,
): AsyncGenerator<AwaitedEvent, void> {
  let past = true;
  let deadLettered = false;
  for await (const updates of follow({ taskId, afterSequence: sequence, signal })) {
    for (const update of updates) {
      if (update.kind === "heartbeat") {
        past = false;
        onCaughtUp();
      }
      if (update.kind === "event" && update.event.id === id) {
        const { event } = update;
        const final = event.state === EventState.PROCESSED || event.state === EventState.DROPPED;
        deadLettered = event.state === EventState.DEAD_LETTERED;
        yield { event, ...((final || deadLettered) && { settledSequence: update.sequence }) };
        if (final) return;
      }
      if (deadLettered && !past) return;
    }
  }
}
