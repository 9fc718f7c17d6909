import { createHmac } from "node:crypto";
import { TaskError } from "../../errors.ts";

const prefix = "whsec_";

/** Makes a secret of 32 random bytes. */
export function createSecret(): string {
  return prefix + Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64");
}

/** Throws FIELD_INVALID unless a text is a secret: `whsec_` and 24 to 64 bytes in base64, with its padding. */
export function requireSecret(secret: string): void {
  const encoded = secret.slice(prefix.length);
  const key = Buffer.from(encoded, "base64");
  const whole = secret.startsWith(prefix) && key.toString("base64") === encoded;
  if (whole && key.length >= 24 && key.length <= 64) return;
  const description = "must be whsec_ and 24 to 64 bytes in base64, with padding";
  throw new TaskError("FIELD_INVALID", `secret: ${description}`, {
    fields: [{ field: "secret", description }],
  });
}

/** Signs a delivery as Standard Webhooks 1.0.0 says: gives the value of `webhook-signature`. `timestamp` is in seconds. */
export function sign(secret: string, id: string, timestamp: number, body: string): string {
  const key = Buffer.from(secret.slice(prefix.length), "base64");
  return `v1,${createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64")}`;
}
