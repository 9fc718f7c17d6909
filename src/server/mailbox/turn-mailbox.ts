import type { Span } from "@opentelemetry/api";
import type { AgentEvent, Logger, TurnMailbox } from "../agent.ts";
import type { Clock } from "../clock.ts";
import { TaskError } from "../errors.ts";
import { pause } from "../pause.ts";
import type { StartedTurn } from "../store/calls.ts";
import type { EventRecord, Millis } from "../store/records.ts";
import type { Store } from "../store/store.ts";
import { addLinks } from "../telemetry/spans.ts";
import { agentEvent } from "./agent-event.ts";
import { createArrivals } from "./arrivals.ts";
import { persist } from "./persist.ts";
import { requireEventTurn } from "./turn-outcome.ts";
import { wholeNumber } from "./when.ts";

/** How many bytes of events are drawn or looked at together, at least one. */
const maxBytes = 4_194_304;
/** The most events that a turn may have in hand: its one commit settles them all, and one entry of the log names them if it fails. */
const maxInHand = 10_000;
const day: Millis = 86_400_000;

export interface TurnMailboxOptions {
  store: Pick<Store, "peekEvents" | "takeEvents" | "watch">;
  turn: StartedTurn;
  /** Ends all waiting: aborts when the turn is to stop, or is over. */
  signal: AbortSignal;
  clock: Clock;
  log: Logger;
  /** The turn's span. Absent: it has none. */
  span?: Span;
  /** Throws once the turn is over. */
  requireOpen(): void;
}

/** Makes the mailbox as a turn sees it. `settle` waits for what is being drawn; afterwards nothing is. */
export function createTurnMailbox(options: TurnMailboxOptions) {
  const { store, turn, signal, clock, log, span, requireOpen } = options;
  const taskId = turn.task.id;
  const arrivals = createArrivals(store, taskId, clock);
  let inHand = turn.events.length;
  let settling = false;
  let missed = false;
  /** The takes, one after the other. */
  let last: Promise<unknown> = Promise.resolve();
  let drawing: Promise<unknown> = Promise.resolve();

  const mailbox: TurnMailbox = {
    pending: turn.task.pendingEvents,
    async peek({ max = 100 } = {}) {
      wholeNumber("peek: max", max, 1, 1000);
      return (await store.peekEvents({ taskId, limit: max, maxBytes })).map(agentEvent);
    },
    take(options) {
      const taken = last.then(() => take(options));
      // A handler that does not wait for it, as in a race, is not to end the process.
      last = taken.catch(() => undefined);
      return taken;
    },
  };
  return { mailbox, settle, close: arrivals.close };

  async function take({ max = 1, wait = 0, steering = false } = {}): Promise<AgentEvent[]> {
    wholeNumber("take: max", max, 1, 1000);
    const deadline = clock.now() + wholeNumber("take: wait", wait, 0, day);
    requireEventTurn(turn.handler, "mailbox.take");
    for (;;) {
      signal.throwIfAborted();
      requireOpen();
      const room = Math.min(max, maxInHand - inHand);
      const events = room > 0 && arrivals.expected(steering) ? await draw(room, steering) : [];
      signal.throwIfAborted();
      const left = deadline - clock.now();
      if (events.length > 0 || left <= 0) return events.map(agentEvent);
      // With its hands full it waits as if none came: a handler that asks again and again would let nothing else run.
      await (room > 0 ? arrivals.wait(steering, left, signal) : pause(clock, left, signal));
    }
  }

  /** Draws what there is. What the handler would not see, because it has returned meanwhile, is noted. */
  async function draw(limit: number, steering: boolean): Promise<EventRecord[]> {
    arrivals.looked(steering);
    const drawn = persist({ clock, log, giveUp: signal }, () =>
      store.takeEvents({
        taskId,
        turn: turn.turn,
        steering,
        limit,
        maxBytes,
        now: clock.now(),
      }),
    );
    drawing = drawn.catch(() => undefined);
    const events = await drawn;
    inHand += events.length;
    addLinks(
      span,
      events.map(({ trace }) => trace),
    );
    if (events.length > 0) arrivals.seen();
    if (settling && events.length > 0) missed = true;
    return events;
  }

  /**
   * Waits for what is being drawn when the handler has returned. Throws HANDLER_FAILED if events came of it: they are in the turn, nobody
   * has seen them, and its commit would settle them. It counts: a handler that never waits for what it takes would come here for ever.
   */
  async function settle(): Promise<void> {
    settling = true;
    await drawing;
    if (!missed) return;
    throw new TaskError("HANDLER_FAILED", "the handler returned while it was taking events, and some came");
  }
}
