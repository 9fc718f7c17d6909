import type { Millis } from "../../store/records.ts";
import type { VerifyWebhook } from "./incoming-webhook.ts";
import {
  defaultTolerance,
  invalid,
  isSigned,
  keysOf,
  requireHeader,
  requireRecent,
  requireTolerance,
  type Secrets,
  signatureInvalid,
} from "./signing.ts";

export interface StandardWebhooksSignatureOptions {
  /** The secret, `whsec_` and its bytes in base64, or several of which any will do. */
  secret: Secrets;
  /** How far a request's timestamp may be from this server's clock, in ms, before or after it. Default 300,000. */
  tolerance?: Millis;
}

/**
 * Verifies what a provider sends that keeps to Standard Webhooks (https://www.standardwebhooks.com), with symmetric signatures (v1).
 * `webhook-id` is the id of the delivery. Throws VALUE_INVALID if there is no secret, or one that is not base64.
 */
export function standardWebhooksSignature({
  secret,
  tolerance = defaultTolerance,
}: StandardWebhooksSignatureOptions): VerifyWebhook {
  const keys = keysOf(secret, decodeSecret);
  requireTolerance(tolerance);
  return (request, now) => {
    const id = requireHeader(request, "webhook-id");
    const timestamp = requireHeader(request, "webhook-timestamp");
    const signatures = requireHeader(request, "webhook-signature").split(" ");
    requireRecent(timestamp, now, tolerance);
    const content = [`${id}.${timestamp}.`, request.body];
    // Signatures of other versions stand beside those that are known here.
    const known = signatures.filter((signature) => signature.startsWith("v1,"));
    const written = known.map((signature) => signature.slice("v1,".length));
    if (!isSigned(written, content, keys, "sha256", "base64")) throw signatureInvalid();
    return { deliveryId: id };
  };
}

function decodeSecret(secret: string): Buffer {
  const text = secret.startsWith("whsec_") ? secret.slice("whsec_".length) : secret;
  const key = Buffer.from(text, "base64");
  // What is not base64 would be skipped in silence, and leave a key that nobody has signed with.
  if (key.toString("base64").replace(/={1,2}$/, "") !== text.replace(/={1,2}$/, "")) {
    throw invalid("a secret must be whsec_ and base64");
  }
  return key;
}
