import { hash, randomBytes } from "node:crypto";

/** What every token begins with, so that people and scanners of repositories know one when they see it. */
export const tokenPrefix = "pgh_";
/** What a token for one task begins with. */
export const taskTokenPrefix = "pgt_";

/** Makes what the bearer of a token sends: 256 random bits. */
export function createSecret(): string {
  return tokenPrefix + randomBytes(32).toString("base64url");
}

/**
 * Gives what is kept of a secret. No salt and no slow function: there is nothing to guess in 256 random bits, and every call pays for
 * it.
 */
export function digestOf(secret: string): string {
  return hash("sha256", secret, "base64url");
}
