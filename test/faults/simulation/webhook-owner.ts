import type { Client } from "@connectrpc/connect";
import { type WebhookService, WebhookState } from "../../../src/proto.ts";
import { type Connection, mayAskAgain } from "./connection.ts";
import { type Receiver, webhookId } from "./receiver.ts";

/** Whoever owns the webhook: if its receiver was gone, looks now and then whether it is dead, and has it go on, until all is posted. */
export async function keepWebhook(
  receiver: Receiver,
  connected: () => Promise<Connection>,
  pause: (time: number) => Promise<unknown>,
  until: Promise<unknown>,
): Promise<void> {
  let over = false;
  const end = () => {
    over = true;
  };
  until.then(end, end);
  while (!over) {
    // First of all, so that no time passes with it while nobody serves.
    const connection = await connected();
    await pause(1_000);
    if (receiver.counts().gone === 0) continue;
    try {
      await revive(connection.webhooks);
    } catch (error) {
      if (!mayAskAgain(connection, error)) throw error;
    }
  }
}

async function revive(webhooks: Client<typeof WebhookService>): Promise<void> {
  const { webhook } = await webhooks.getWebhook({ webhookId });
  if (webhook?.state === WebhookState.DEAD) await webhooks.resumeWebhook({ webhookId });
}
