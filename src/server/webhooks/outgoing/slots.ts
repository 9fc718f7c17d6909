import type { DeliveryKey } from "../../store/webhook-records.ts";

/** The room that there is for deliveries, and who has it. */
export interface Slots {
  /** Takes room for a task's deliveries of a webhook. Tells whether there was some. */
  take(key: DeliveryKey, failing: boolean): boolean;
  release(key: DeliveryKey): void;
  has(key: DeliveryKey): boolean;
  /** How many a webhook has. */
  count(webhookId: string): number;
  /** How much room there is, and whether only for webhooks that have none yet. */
  free(): { room: number; scarce: boolean };
  /** The webhooks that cannot have more now. */
  full(): string[];
}

/**
 * Shares room among webhooks, so that one whose receiver is slow or fails keeps nobody waiting: half of the room is for those that
 * have none yet, and one whose last attempt failed has no more than one.
 */
export function createSlots({ perWebhook, total }: { perWebhook: number; total: number }): Slots {
  const taken = new Map<string, Set<string>>();
  let sum = 0;
  const count = (webhookId: string) => taken.get(webhookId)?.size ?? 0;
  const isScarce = () => sum >= total / 2;
  return {
    count,
    free: () => ({ room: total - sum, scarce: isScarce() }),
    take({ webhookId, taskId }, failing) {
      const has = count(webhookId);
      const mayHave = failing ? 1 : perWebhook;
      if (sum >= total || has >= mayHave || (has > 0 && isScarce())) return false;
      const tasks = taken.get(webhookId) ?? new Set();
      taken.set(webhookId, tasks.add(taskId));
      sum += 1;
      return true;
    },
    release({ webhookId, taskId }) {
      const tasks = taken.get(webhookId);
      if (!tasks?.delete(taskId)) return;
      sum -= 1;
      if (tasks.size === 0) taken.delete(webhookId);
    },
    has: ({ webhookId, taskId }) => taken.get(webhookId)?.has(taskId) ?? false,
    full: () =>
      [...taken].flatMap(([webhookId, { size }]) => (isScarce() || size >= perWebhook ? [webhookId] : [])),
  };
}
