import { hmacSignature } from "./hmac-signature.ts";
import type { VerifyWebhook } from "./incoming-webhook.ts";
import type { Secrets } from "./signing.ts";

/**
 * Verifies what GitHub sends: X-Hub-Signature-256, with X-GitHub-Delivery as the id of the delivery, the same when GitHub is told to
 * deliver again. Throws VALUE_INVALID if there is no secret.
 *
 * GitHub's signature covers the body alone, and has no time in it.
 */
export function githubSignature({ secret }: { secret: Secrets }): VerifyWebhook {
  return hmacSignature({
    secret,
    header: "x-hub-signature-256",
    prefix: "sha256=",
    deliveryIdHeader: "x-github-delivery",
  });
}
