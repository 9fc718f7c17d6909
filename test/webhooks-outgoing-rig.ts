import type { Clock } from "../src/server/clock.ts";
import { TaskError } from "../src/server/errors.ts";
import type { Millis } from "../src/server/store/records.ts";
import type { Store } from "../src/server/store/store.ts";
import type { CreateWebhook, WebhookRecord } from "../src/server/store/webhook-records.ts";
import { createAddressGuard, createDeliverer, type Resolve } from "../src/server/webhooks/outgoing/index.ts";
import { createManualClock, type ManualClock } from "./manual-clock.ts";
import { openStore } from "./temp-dir.ts";

/** A key of 32 bytes. */
export const secret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;

/** A store and a deliverer on it, with a clock that stands still, and no agents: what happens is written into the store. */
export interface WebhookRig extends AsyncDisposable {
  store: Store;
  clock: ManualClock;
  logged: { level: string; message: string; fields: Record<string, unknown> }[];
  /** Resolves when the deliverer has warned of something. */
  warned: Promise<void>;
  /** Makes a webhook of agent `a`, unless the arguments say other. Wakes the deliverer. */
  hook(url: string, args?: Partial<CreateWebhook>): Promise<WebhookRecord>;
  get(id: string): Promise<WebhookRecord>;
  /** Makes a task, whose log then has one entry. */
  task(id: string, agent?: string): Promise<void>;
  /** Appends an entry to a task's log. */
  send(taskId: string, id?: string): Promise<void>;
  wake(): void;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface WebhookRigOptions {
  /** Where the store is. Default: in memory. */
  path?: string;
  /** Goes on with the clock of another rig. */
  clock?: ManualClock;
  time?: Clock;
  timeout?: Millis;
  allowPrivateAddresses?: boolean;
  resolve?: Resolve;
}

/** Opens a store and makes a deliverer, which is not started. No name is resolved unless the options say how. */
export async function createWebhookRig(options: WebhookRigOptions = {}): Promise<WebhookRig> {
  const { path = ":memory:", clock = createManualClock(), allowPrivateAddresses = true } = options;
  const resolve = options.resolve ?? (() => Promise.reject(new TaskError("INTERNAL", "no name is resolved")));
  const logged: WebhookRig["logged"] = [];
  const warned = Promise.withResolvers<void>();
  const write =
    (level: string) =>
    (message: string, fields: Record<string, unknown> = {}) => {
      logged.push({ level, message, fields });
      if (level === "warn") warned.resolve();
    };
  const log = { info: write("info"), warn: write("warn"), error: write("error") };
  const store = await openStore(path);
  const guard = createAddressGuard({ allowPrivateAddresses, resolve });
  const deliverer = createDeliverer({
    store,
    guard,
    clock: options.time ?? clock,
    log,
    ...timeoutOf(options),
  });
  let events = 0;
  return {
    store,
    clock,
    logged,
    warned: warned.promise,
    ...deliverer,
    async hook(url, args = {}) {
      const webhook = await store.createWebhook({
        id: clock.id(),
        url,
        source: { agent: "a" },
        kinds: ["task", "event", "message", "superseded"],
        secret,
        maxWebhooks: 10_000,
        now: clock.now(),
        ...args,
      });
      deliverer.wake();
      return webhook;
    },
    async get(id) {
      const webhook = await store.getWebhook(id);
      if (webhook === undefined) throw new Error(`there is no webhook ${id}`);
      return webhook;
    },
    async task(id, agent = "a") {
      await store.createTask({ taskId: id, agent, labels: {}, now: clock.now() });
    },
    async send(taskId, id = `e${++events}`) {
      await store.sendEvent({ taskId, event: { id, content: new Uint8Array() }, now: clock.now() });
    },
    async [Symbol.asyncDispose]() {
      await deliverer.stop();
      await store.close();
    },
  };
}

function timeoutOf({ timeout }: WebhookRigOptions): { timeout?: Millis } {
  return timeout === undefined ? {} : { timeout };
}

/** The sequences of what was delivered. */
export function sequencesOf(received: readonly { json: { data: { sequence: string } } }[]): number[] {
  return received.map(({ json }) => Number(json.data.sequence));
}
