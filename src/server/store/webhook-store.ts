import type { WebhookState } from "../../proto.ts";
import type { ListPage } from "./records.ts";
import type {
  ChangeWebhook,
  CreateWebhook,
  Delivery,
  DueDeliveries,
  DueDeliveriesResult,
  ListWebhooks,
  NextDelivery,
  SettleDelivery,
  WebhookRecord,
} from "./webhook-records.ts";

/**
 * What a store keeps for outgoing webhooks. What holds for every method of Store holds for these.
 *
 * A webhook has a cursor in the log of each task that it follows. The transaction that appends an entry which a webhook posts also makes
 * it due, so that nothing is lost when nobody looks: a webhook of a task is due from the task's first entry on, one of an agent from the
 * first entry that any of its tasks gets after the webhook was made. A task without an entry to post costs nothing. With a task that is
 * deleted go its webhooks, and what was not posted of it.
 */
export interface WebhookStore {
  /** Makes a webhook. Rejects with TASK_NOT_FOUND or LIMIT_REACHED. */
  createWebhook(args: CreateWebhook): Promise<WebhookRecord>;

  /** Reads a webhook. */
  getWebhook(id: string): Promise<WebhookRecord | undefined>;

  /** Reads webhooks that pass all filters, oldest first. */
  listWebhooks(args: ListWebhooks): Promise<ListPage<WebhookRecord>>;

  /** Pauses a webhook: nothing of it is due. Rejects with WEBHOOK_NOT_FOUND. */
  pauseWebhook(args: ChangeWebhook): Promise<WebhookRecord>;

  /** Makes a webhook ACTIVE: all that it has not posted is due now, as if it had never failed. Rejects with WEBHOOK_NOT_FOUND. */
  resumeWebhook(args: ChangeWebhook): Promise<WebhookRecord>;

  /** Deletes a webhook and its cursors. Rejects with WEBHOOK_NOT_FOUND. */
  deleteWebhook(id: string): Promise<void>;

  /** Tells what is due, in pages: those who were told before are told again until it is settled. */
  dueDeliveries(args: DueDeliveries): Promise<DueDeliveriesResult>;

  /** Reads the next entry to post of a task; none if none is due, or any more. */
  nextDelivery(args: NextDelivery): Promise<Delivery | undefined>;

  /**
   * Records an attempt. One that was delivered, or had nothing to post, moves the cursor, never back. One that failed does not: it is due
   * again at `retryTime`, and nothing of the webhook before `resumeTime`. A webhook that has failed for `deadAfter` without a success
   * between is DEAD; where nothing was attempted for longer than `idleAfter`, that begins anew. Resolves with the webhook's state; without
   * one, and having done nothing, if it is gone.
   */
  settleDelivery(args: SettleDelivery): Promise<WebhookState | undefined>;
}
