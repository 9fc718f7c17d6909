import { createHmac } from "node:crypto";

/** The secrets in the documentation of GitHub, Slack and Standard Webhooks. */
export const githubSecret = "It's a Secret to Everybody";
export const slackSecret = "8f742231b10e8888abcd99yyyzzz85a5";
export const standardSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/** Makes the headers with which GitHub signs a body. */
export function githubHeaders(
  body: string | Uint8Array,
  delivery: string,
  secret = githubSecret,
): Record<string, string> {
  const signature = createHmac("sha256", secret).update(body).digest("hex");
  return { "x-hub-signature-256": `sha256=${signature}`, "x-github-delivery": delivery };
}

/** Makes the headers with which Slack signs a body, at a time in seconds. */
export function slackHeaders(body: string | Uint8Array, timestamp: string): Record<string, string> {
  const signature = createHmac("sha256", slackSecret).update(`v0:${timestamp}:`).update(body).digest("hex");
  return { "x-slack-request-timestamp": timestamp, "x-slack-signature": `v0=${signature}` };
}

/** Makes the headers with which Standard Webhooks sign a body, at a time in seconds. */
export function standardHeaders(
  body: string | Uint8Array,
  id: string,
  timestamp: string,
): Record<string, string> {
  const hmac = createHmac("sha256", Buffer.from(standardSecret.slice("whsec_".length), "base64"));
  const signature = hmac.update(`${id}.${timestamp}.`).update(body).digest("base64");
  return { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": `v1,${signature}` };
}
