/** Webhooks that an agent declares, and the ways to know that a request is genuine. */

export { githubSignature } from "./github-signature.ts";
export { type HmacSignatureOptions, hmacSignature } from "./hmac-signature.ts";
export type {
  IncomingWebhook,
  RawWebhookRequest,
  VerifiedWebhook,
  VerifyWebhook,
  WebhookRequest,
  WebhookTarget,
} from "./incoming-webhook.ts";
export { createIncomingWebhooks } from "./incoming-webhooks.ts";
export { type SlackSignatureOptions, slackSignature } from "./slack-signature.ts";
export {
  type StandardWebhooksSignatureOptions,
  standardWebhooksSignature,
} from "./standard-webhooks-signature.ts";
