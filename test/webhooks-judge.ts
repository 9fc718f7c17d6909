import { TaskError, type VerifyWebhook } from "../src/server/index.ts";

/** The time of requests in tests, unless they say other. */
export const now = 1_700_000_000_000;

/** Gives what a verifier says of a request, or the reason for which it refuses it. */
export async function judge(
  verify: VerifyWebhook,
  headers: Record<string, string> | Headers,
  body: string | Uint8Array,
  time = now,
) {
  try {
    return await verify({ headers: new Headers(headers), body: Buffer.from(body) }, time);
  } catch (error) {
    if (error instanceof TaskError) return error.reason;
    throw error;
  }
}
