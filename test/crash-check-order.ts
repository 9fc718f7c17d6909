import { timestampMs } from "@bufbuild/protobuf/wkt";
import { type Event, EventState, OnBusy, TaskState, type TaskUpdate } from "../src/proto.ts";
import type { Report } from "./crash-check.ts";
import { isExpiry } from "./crash-check-questions.ts";
import { reasonOfStatus } from "./crash-clients.ts";
import type { Rules, TaskHistory } from "./crash-history.ts";

/** An event that waits. */
interface Waiting {
  sequence: bigint;
  /** What ends a question comes first, then all else that goes ahead. */
  rank: number;
  /** Whether a turn that asks for what it is to be steered by gets it. */
  steers: boolean;
}

/** Checks in which order the events of a log were handled: those that go ahead first, and what is tried again before all (G2). */
export function checkOrder(log: TaskUpdate[], { parallel = 1, batch }: Rules, report: Report): void {
  const most = parallel * (batch?.max ?? 1);
  let created = false;
  const accepted = new Map<string, Event>();
  const waiting = new Map<string, Waiting>();
  const processing = new Map<string, Event>();
  const dead = new Set<string>();
  /** What is to be tried again: it does not wait, and comes before all that does unless there is room beside it. */
  const inHand = new Set<string>();
  /** What comes back because its turn is void, and not because that has left it. */
  const given = new Set<string>();
  /** What a turn has left for later, so that others that go ahead may pass it: also after one that took it, and is void. */
  const left = new Set<string>();
  for (const { entry } of log) {
    if (entry.case === "task" && entry.value.state === TaskState.ACTIVE) created = true;
    if (entry.case === "superseded") for (const id of entry.value.eventIds) given.add(id);
    if (entry.case === "superseded" && entry.value.retryTime !== undefined) {
      // Of a batch it cannot be told which events were its own, and which it had taken besides.
      const { eventIds } = entry.value;
      for (const id of batch === undefined ? eventIds.slice(0, 1) : eventIds) inHand.add(id);
    }
    if (entry.case !== "event") continue;
    const { id, sequence, state, parts, onBusy } = entry.value;
    if (parts.length > 0) accepted.set(id, entry.value);
    switch (state) {
      case EventState.QUEUED: {
        const policy = accepted.get(id)?.onBusy ?? onBusy;
        const isBusy = waiting.size + processing.size > 0;
        if (parts.length > 0 && policy === OnBusy.REJECT && isBusy && !dead.has(id)) {
          report("G2", `event ${sequence} is accepted by a task that is busy`);
        }
        const ahead = policy === OnBusy.STEER || policy === OnBusy.INTERRUPT;
        const event = accepted.get(id) ?? entry.value;
        const answers = event.answers !== "" || isExpiry(event);
        // What is redriven waits behind all, whatever it was.
        const redriven = dead.has(id);
        const steers = policy === OnBusy.STEER && !answers && !redriven;
        if (!given.delete(id) && processing.has(id)) left.add(id);
        waiting.set(id, { sequence, rank: redriven ? 2 : answers ? 0 : ahead ? 1 : 2, steers });
        processing.delete(id);
        break;
      }
      case EventState.PROCESSING: {
        if (!created) report("G2", `event ${sequence} is handled before onTaskCreate has completed`);
        const [running] = processing.values();
        const takes = [...processing.keys()].some((id) => accepted.get(id)?.type === "gather");
        if (running !== undefined && processing.size >= most && !takes) {
          report("G2", `events ${running.sequence} and ${sequence} are handled at once`);
        }
        const [again] = most === 1 ? inHand : [];
        const first = again ?? firstOf(waiting, (_, id) => !inHand.has(id));
        // What a turn takes besides may be what steers alone.
        const steering = takes && id === firstOf(waiting, ({ steers }) => steers);
        const passing =
          id === firstOf(waiting, ({ rank }, id) => rank < 2 && !left.has(id) && !inHand.has(id));
        if (first !== id && !steering && !passing && !inHand.has(id)) {
          report("G2", `event ${sequence} is handled before event ${waiting.get(first ?? "")?.sequence}`);
        }
        if (!takes) {
          // Where one of what was left begins anew, nothing is put off any more.
          if (left.has(id) && !inHand.has(id)) left.clear();
          left.delete(id);
        }
        inHand.delete(id);
        waiting.delete(id);
        processing.set(id, entry.value);
        break;
      }
      default:
        if (state === EventState.DEAD_LETTERED) dead.add(id);
        if (state === EventState.PROCESSED && !processing.has(id)) {
          report("G2", `event ${sequence} is PROCESSED, and no turn ran for it`);
        }
        for (const events of [waiting, processing, inHand, left]) events.delete(id);
    }
  }
}

/** Checks that nothing is delivered before its time, and that what is dropped as interrupted was. */
export function checkTimes({ interrupts: stops = [], end }: TaskHistory, report: Report): void {
  const events = end.log.flatMap(({ time, entry }) =>
    entry.case === "event" ? [{ time, event: entry.value }] : [],
  );
  const interrupts = stops.length > 0 || events.some(({ event }) => event.onBusy === OnBusy.INTERRUPT);
  for (const { time, event } of events) {
    const { state, deliverTime, sequence, lastError } = event;
    const waits = state === EventState.SCHEDULED || state === EventState.DROPPED;
    if (
      !waits &&
      deliverTime !== undefined &&
      time !== undefined &&
      timestampMs(time) < timestampMs(deliverTime)
    ) {
      report("G2", `event ${sequence} is delivered before its time`);
    }
    if (reasonOfStatus(lastError) === "TASK_INTERRUPTED" && !interrupts) {
      report("G2", `event ${sequence} is interrupted by nobody`);
    }
  }
}

function firstOf(
  waiting: Map<string, Waiting>,
  test: (event: Waiting, id: string) => boolean,
): string | undefined {
  const order = [...waiting].filter(([id, event]) => test(event, id));
  order.sort(([, a], [, b]) => {
    if (a.rank !== b.rank) return a.rank - b.rank;
    return Number(a.sequence - b.sequence);
  });
  return order[0]?.[0];
}
