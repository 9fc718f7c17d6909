import type { Millis } from "../../store/records.ts";

/** Reads a Retry-After header, seconds or a date (RFC 9110, 10.2.3): how long to wait. 0 if it says nothing. */
export function retryAfterMillis(header: string | undefined, now: Millis): Millis {
  if (header === undefined) return 0;
  const text = header.trim();
  const wait = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isNaN(wait) ? 0 : Math.max(0, wait);
}
