import { createHmac, timingSafeEqual } from "node:crypto";
import { TaskError } from "../../errors.ts";
import type { Millis } from "../../store/records.ts";
import type { RawWebhookRequest } from "./incoming-webhook.ts";

/** One secret, or several while an old one gives way to a new one: a signature by any of them holds. */
export type Secrets = string | readonly string[];

/** How far a timestamp may be from the clock of this server, before or after it, if the author does not say. */
export const defaultTolerance: Millis = 300_000;

/** Gives the keys of secrets. Throws VALUE_INVALID if there is none, or one that is empty: anybody could sign with that. */
export function keysOf(
  secrets: Secrets,
  decode: (secret: string) => Uint8Array = (secret) => Buffer.from(secret),
): Uint8Array[] {
  const list: readonly unknown[] = Array.isArray(secrets) ? secrets : [secrets];
  if (list.length === 0) throw invalid("there is no secret to check signatures with");
  return list.map((secret) => {
    if (typeof secret !== "string") throw invalid(`a secret must be a string, not ${typeof secret}`);
    const key = decode(secret);
    if (key.length === 0) throw invalid("a secret must not be empty");
    return key;
  });
}

/** Gives a tolerance back. Throws VALUE_INVALID unless it is a time in ms. */
export function requireTolerance(tolerance: Millis): Millis {
  if (Number.isFinite(tolerance) && tolerance >= 0) return tolerance;
  throw invalid(`the tolerance must be a number of ms, at least 0, not ${tolerance}`);
}

/** What a signature is made with. */
export type Algorithm = "sha1" | "sha256" | "sha384" | "sha512";
/** How a signature is written. */
export type SignatureEncoding = "hex" | "base64" | "base64url";

/**
 * Whether one of some signatures, as they are written, is that of a content by one of the keys. How long that takes tells nothing of the
 * signature that would be right, nor of which key it was, and hardly grows with the number of signatures, which is up to a stranger.
 */
export function isSigned(
  signatures: readonly string[],
  content: readonly (string | Uint8Array)[],
  keys: readonly Uint8Array[],
  algorithm: Algorithm = "sha256",
  encoding: SignatureEncoding = "hex",
): boolean {
  const given = signatures.map((signature) => Buffer.from(signature));
  let matches = 0;
  for (const key of keys) {
    const hmac = createHmac(algorithm, key);
    for (const piece of content) hmac.update(piece);
    // Compared as they are written: what is decoded leniently would let several signatures pass for one.
    const right = Buffer.from(hmac.digest(encoding));
    for (const each of given) if (each.length === right.length && timingSafeEqual(each, right)) matches += 1;
  }
  return matches > 0;
}

/** Gives a header. Throws SIGNATURE_INVALID if it is not there. */
export function requireHeader({ headers }: RawWebhookRequest, name: string): string {
  const value = headers.get(name);
  if (value === null || value === "") throw signatureInvalid(`the request has no header ${name}`);
  return value;
}

/** Throws SIGNATURE_INVALID unless a time, in whole seconds since 1970, is within `tolerance` of now, before or after it. */
export function requireRecent(seconds: string, now: Millis, tolerance: Millis): void {
  if (!/^\d{1,12}$/.test(seconds)) throw signatureInvalid("the timestamp is no number of seconds");
  if (Math.abs(now - Number(seconds) * 1000) <= tolerance) return;
  throw signatureInvalid(`the timestamp is more than ${tolerance} ms away from the clock of this server`);
}

/** Makes the error of a request that is not known to be genuine. Its message goes to whoever sent it, so it has no secrets. */
export function signatureInvalid(message = "the signature is not that of this request"): TaskError {
  return new TaskError("SIGNATURE_INVALID", message);
}

/** Makes the error of a verifier that is defined wrongly. It must not quote a secret. */
export function invalid(message: string): TaskError {
  return new TaskError("VALUE_INVALID", message);
}
