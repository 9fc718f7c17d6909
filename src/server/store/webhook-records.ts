import type { WebhookState } from "../../proto.ts";
import type { LogEntry, Millis } from "./records.ts";

/** What a webhook can post: a kind of log entry. Of messages, only the entry that says that one is done is posted. */
export type WebhookEntryKind = "task" | "event" | "message" | "superseded";

/** What a webhook follows: one task, or all tasks of an agent. */
export type WebhookSource = { taskId: string; agent?: undefined } | { agent: string; taskId?: undefined };

/** A webhook, without its secret. Optional fields are absent, never empty. */
export interface WebhookRecord {
  id: string;
  /** Whose it is. Absent when it is the server's. */
  owner?: string;
  url: string;
  source: WebhookSource;
  kinds: WebhookEntryKind[];
  state: WebhookState;
  /** How many attempts have failed since the last that succeeded. */
  failures: number;
  lastError?: string;
  deliveryTime?: Millis;
  /** When what failed is tried again. Only of one that is ACTIVE. */
  retryTime?: Millis;
  createTime: Millis;
}

export interface CreateWebhook {
  id: string;
  /** Whose it is. Default the server's. */
  owner?: string;
  /** Of one that follows an agent: whose tasks it follows. Default everybody's. */
  tasksOf?: string;
  url: string;
  source: WebhookSource;
  /** Which entries it posts, none twice, at least one. */
  kinds: readonly WebhookEntryKind[];
  secret: string;
  /** The most webhooks that its owner may have. */
  maxWebhooks: number;
  now: Millis;
}

export interface ListWebhooks {
  /** Whose; the server's are those of an empty one. */
  owner?: string;
  agent?: string;
  taskId?: string;
  /** Where to go on: only webhooks that sort after this one. */
  after?: { createTime: Millis; id: string };
  limit: number;
}

export interface ChangeWebhook {
  id: string;
  now: Millis;
}

export interface DueDeliveries {
  now: Millis;
  /** Webhooks that are not asked for. */
  except: readonly string[];
  /** The most webhooks to find. */
  maxWebhooks: number;
  /** The most tasks to find of each. */
  maxTasks: number;
}

export interface DueDeliveriesResult {
  /** Webhooks that have something to post, those first that have not had a turn for longest. */
  due: DueWebhook[];
  /** When the next one has that has nothing to post yet. */
  nextTime?: Millis;
  /** Whether there are any webhooks. */
  any: boolean;
}

export interface DueWebhook {
  webhookId: string;
  /** Whether its last attempt failed. */
  failing: boolean;
  /** The tasks with an entry to post now, those first that wait for longest. */
  taskIds: string[];
}

/** A webhook's place in the log of one task. */
export interface DeliveryKey {
  webhookId: string;
  taskId: string;
}

export interface NextDelivery extends DeliveryKey {
  now: Millis;
}

/** The next entry of a task's log that a webhook posts. */
export interface Delivery {
  url: string;
  secret: string;
  /** The sequence that the webhook has read the log up to once this is settled. */
  sequence: number;
  /** What to post, a message with its content. Absent if there is nothing to post up to `sequence`. */
  entry?: LogEntry;
  /** The trace context of what the entry is about: its event's, or its task's. */
  trace?: string;
  /** How often this has failed. */
  failures: number;
  /**
   * How many rounds of the webhook have failed, one after the other: attempts that were under way side by side are one. 0 while what has
   * failed is of this task alone.
   */
  rounds: number;
}

/** What came of an attempt. */
export type DeliveryOutcome =
  | { kind: "delivered" }
  /** There was nothing to post. */
  | { kind: "skipped" }
  | {
      kind: "failed";
      error: string;
      /** When to try this again. */
      retryTime: Millis;
      /** When the webhook may try anything again. Absent: at once. */
      resumeTime?: Millis;
      /** The `rounds` of the Delivery. */
      rounds: number;
      /** How long attempts may fail, none succeeding, before the webhook is DEAD. */
      deadAfter: Millis;
      /** How long after the attempt before this one what has failed until then does not count for that. */
      idleAfter: Millis;
    };

export interface SettleDelivery extends DeliveryKey {
  /** That of the Delivery. */
  sequence: number;
  outcome: DeliveryOutcome;
  now: Millis;
}
