import { WebhookState } from "../../../proto.ts";
import type { Logger } from "../../agent.ts";
import type { Clock } from "../../clock.ts";
import { serverStopping } from "../../errors.ts";
import { pause } from "../../pause.ts";
import type { Millis } from "../../store/records.ts";
import type { Store } from "../../store/store.ts";
import type { DeliveryKey, DueDeliveriesResult } from "../../store/webhook-records.ts";
import type { AddressGuard } from "./address-guard.ts";
import { attempt } from "./attempt.ts";
import { type Post, post as postOverHttp } from "./post.ts";
import { createSlots } from "./slots.ts";

/** How many deliveries of one webhook, and how many in all, are under way at once. */
const limits = { perWebhook: 8, total: 64 };
/** How long to wait when the store does not answer. */
const storeBackoff: Millis = 500;
/** How long to sleep at most: the clock that tells the time may be set, and the one that counts it down is not. */
const longestSleep: Millis = 60_000;

export interface DelivererOptions {
  store: Pick<Store, "dueDeliveries" | "nextDelivery" | "settleDelivery" | "watch">;
  guard: AddressGuard;
  clock: Clock;
  log: Logger;
  /** How long an attempt may take, in ms. Default 15,000. */
  timeout?: Millis;
  /** How an attempt posts. Default: over HTTP. */
  post?: Post;
}

/**
 * Posts what webhooks are due to post.
 *
 * What is due stands in the store; here is only what is under way, and a timer for what comes next. A wake-up that is missed costs time,
 * never an entry: the next look at the store finds it.
 */
export interface Deliverer {
  /** Goes on with what was not delivered. Resolves when it has begun. */
  start(): Promise<void>;
  /** Tells that something may be due that was not before. Does nothing before the start. */
  wake(): void;
  /** Starts no more deliveries and breaks off those under way, which are made again later. Resolves when none is. */
  stop(): Promise<void>;
}

export function createDeliverer(options: DelivererOptions): Deliverer {
  const { store, guard, clock, log, timeout = 15_000, post = postOverHttp } = options;
  const stopping = new AbortController();
  const slots = createSlots(limits);
  const runs = new Set<Promise<void>>();
  /** Whether something is due that there was no room for. */
  let behind = false;
  /** Whether there may be webhooks at all: without, a commit is nothing to look after. */
  let any = false;
  /** Whether the store is being asked, and whether it is to be asked again after that. */
  let scanning = false;
  let again = false;
  let disarm = () => {};
  let unwatch: (() => void) | undefined;

  return {
    start() {
      unwatch = store.watch(() => {
        if (any) void scan();
      });
      any = true;
      return scan();
    },
    wake() {
      if (unwatch === undefined) return;
      any = true;
      void scan();
    },
    async stop() {
      unwatch?.();
      disarm();
      stopping.abort(serverStopping());
      await Promise.all(runs);
    },
  };

  /** Begins what is due, as far as there is room, and sets the timer for the next. */
  async function scan(): Promise<void> {
    again = true;
    if (scanning) return;
    scanning = true;
    try {
      while (again && !stopping.signal.aborted) {
        again = false;
        await look();
      }
    } catch (error) {
      if (stopping.signal.aborted) return;
      log.error("the store did not tell which webhooks are due", { error });
      wakeIn(storeBackoff);
    } finally {
      scanning = false;
    }
  }

  async function look(): Promise<void> {
    const { room, scarce } = slots.free();
    if (room === 0) {
      behind = true;
      return;
    }
    // No more than could begin: of webhooks with something under way there are fewer than there is room.
    const maxTasks = scarce ? 1 : 2 * limits.perWebhook;
    const bounds = { maxWebhooks: room, maxTasks };
    const found = await store.dueDeliveries({ now: clock.now(), except: slots.full(), ...bounds });
    if (stopping.signal.aborted) return;
    // Who woke the deliverer since it asked may have made the first.
    if (!again) any = found.any;
    behind = found.due.length === room || found.due.some(({ taskIds }) => taskIds.length === maxTasks);
    begin(found);
    disarm();
    if (found.nextTime !== undefined) wakeIn(found.nextTime - clock.now());
  }

  function begin({ due }: DueDeliveriesResult): void {
    const waiting = due.flatMap(({ webhookId, taskIds, failing }) =>
      taskIds
        .filter((taskId) => !slots.has({ webhookId, taskId }))
        .map((taskId, index) => ({
          key: { webhookId, taskId },
          failing,
          place: slots.count(webhookId) + index,
        })),
    );
    // One of each webhook before the second of any.
    waiting.sort((one, other) => one.place - other.place);
    for (const { key, failing } of waiting) {
      if (slots.take(key, failing)) launch(key);
      else behind = true;
    }
  }

  function launch(key: DeliveryKey): void {
    const done = run(key)
      .catch(async (error: unknown) => {
        if (stopping.signal.aborted) return;
        log.error("a webhook's deliveries stopped, and go on later", { ...key, error });
        await pause(clock, storeBackoff, stopping.signal);
      })
      .finally(() => {
        runs.delete(done);
        slots.release(key);
        void scan();
      });
    runs.add(done);
  }

  /** Posts one task's entries, one after the other, until none is left, one fails, or others wait for the room. */
  async function run(key: DeliveryKey): Promise<void> {
    do {
      // What was due when the store was asked may have failed since.
      const delivery = await store.nextDelivery({ ...key, now: clock.now() });
      if (delivery === undefined) return;
      const { sequence } = delivery;
      const outcome = await attempt({ guard, clock, log, timeout, post }, key, delivery, stopping.signal);
      const state = await store.settleDelivery({ ...key, sequence, outcome, now: clock.now() });
      if (outcome.kind !== "failed") continue;
      if (state === WebhookState.DEAD) log.warn("a webhook is dead", { ...key, error: outcome.error });
      return;
    } while (!behind && !stopping.signal.aborted);
  }

  function wakeIn(delay: Millis): void {
    disarm();
    disarm = clock.timer(Math.min(Math.max(0, delay), longestSleep), () => void scan());
  }
}
