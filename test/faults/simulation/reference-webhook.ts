import { WebhookState } from "../../../src/proto.ts";
import type { ReferenceCalls } from "./reference-mailbox.ts";

/** What becomes of a webhook: it is dead when it has failed for too long, until somebody has it go on. */
export function createReferenceWebhook(): ReferenceCalls {
  let state = WebhookState.ACTIVE;
  let failingSince: number | undefined;
  let attempted = 0;
  return {
    settleDelivery({ outcome, now }) {
      const before = attempted;
      if (outcome.kind !== "skipped") attempted = now;
      if (outcome.kind === "delivered") failingSince = undefined;
      if (outcome.kind !== "failed") return state;
      if (now - before > outcome.idleAfter) failingSince = undefined;
      failingSince ??= now;
      if (now - failingSince >= outcome.deadAfter) state = WebhookState.DEAD;
      return state;
    },
    resumeWebhook() {
      failingSince = undefined;
      state = WebhookState.ACTIVE;
      return { state };
    },
  };
}
