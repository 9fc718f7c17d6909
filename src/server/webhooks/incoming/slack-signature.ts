import type { Millis } from "../../store/records.ts";
import type { VerifiedWebhook, VerifyWebhook } from "./incoming-webhook.ts";
import {
  defaultTolerance,
  isSigned,
  keysOf,
  requireHeader,
  requireRecent,
  requireTolerance,
  type Secrets,
  signatureInvalid,
} from "./signing.ts";

export interface SlackSignatureOptions {
  /** The app's signing secret, or several of which any will do. */
  signingSecret: Secrets;
  /** How far a request's timestamp may be from this server's clock, in ms, before or after it. Default 300,000. */
  tolerance?: Millis;
}

/**
 * Verifies what Slack sends: events, commands and interactions. Throws VALUE_INVALID if there is no secret.
 *
 * An event is delivered under its `event_id`, which Slack keeps when it tries again. What has none is never tried again by Slack: its
 * delivery is the signature, so that a copy of the request is no second event. The question with which Slack verifies a URL is answered.
 */
export function slackSignature({
  signingSecret,
  tolerance = defaultTolerance,
}: SlackSignatureOptions): VerifyWebhook {
  const keys = keysOf(signingSecret);
  requireTolerance(tolerance);
  return (request, now) => {
    const written = requireHeader(request, "x-slack-signature");
    const timestamp = requireHeader(request, "x-slack-request-timestamp");
    requireRecent(timestamp, now, tolerance);
    const signature = /^v0=([0-9a-f]+)$/.exec(written)?.[1] ?? "";
    if (!isSigned([signature], [`v0:${timestamp}:`, request.body], keys)) throw signatureInvalid();
    return readPayload(Buffer.from(request.body).toString()) ?? { deliveryId: `signature ${signature}` };
  };
}

/** Reads what the Events API says of the request itself; commands and interactions are forms, and say nothing. */
function readPayload(text: string): VerifiedWebhook | undefined {
  if (!text.startsWith("{")) return undefined;
  const payload = parseObject(text);
  if (payload?.type === "url_verification" && typeof payload.challenge === "string") {
    return { challenge: payload.challenge };
  }
  return typeof payload?.event_id === "string" ? { deliveryId: payload.event_id } : undefined;
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text);
  } catch {
    // It is genuine all the same, and for the route to judge.
    return undefined;
  }
}
