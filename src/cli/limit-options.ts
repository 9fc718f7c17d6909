import { limitBounds } from "../server/limit-bounds.ts";
import type { Options } from "./command.ts";
import { quantity, wholeNumber } from "./values.ts";

/** The options that bound what callers may take, by the server's names. Times are in seconds here. */
export const limitOptions = {
  "max-message-bytes": bytes("maxMessageBytes", "The most bytes of one message, as sent and decompressed."),
  "max-body-bytes": bytes("maxBodyBytes", "The most bytes that all requests in hand may have."),
  "max-answer-bytes": bytes("maxAnswerBytes", "The most bytes of all answers that are not read yet."),
  "max-header-bytes": bytes("maxHeaderBytes", "The most bytes of a request's headers."),
  "max-parts": number("maxParts", "The most parts of an event."),
  "max-depth": number("maxDepth", "How deep params, metadata and data may be nested."),
  "max-pending": number("maxPending", "The most events that may wait for one task, whatever its agent says."),
  "max-tasks": number("maxTasks", "The most unfinished tasks of one caller."),
  "max-subscriptions": number("maxSubscriptions", "The most open subscriptions of one caller."),
  "max-connection-subscriptions": number(
    "maxConnectionSubscriptions",
    "The most open subscriptions on one connection.",
  ),
  "request-rate": number("requestRate", "The most requests a second of one caller, or one address."),
  "max-requests": number("maxRequests", "The most calls in hand at once, subscriptions aside."),
  "max-connections": number("maxConnections", "The most connections."),
  "max-streams": number("maxStreams", "The most calls under way on one HTTP/2 connection."),
  "reset-rate": number("resetRate", "The most calls a second that one HTTP/2 connection may reset."),
  "control-rate": number("controlRate", "The most pings and settings a second on one HTTP/2 connection."),
  "headers-timeout": seconds("headersTimeout", "How long a connection's first request may take to begin."),
  "request-timeout": seconds("requestTimeout", "How long a request may take to arrive."),
  "idle-timeout": seconds("idleTimeout", "How long a connection may be idle, or leave its answers unread."),
} as const satisfies Options;

/** Finds the option that sets a limit, by what a refusal calls it, as in `request_rate`. */
export function flagOfLimit(limit: string): string | undefined {
  const name = limit.replaceAll("_", "-");
  return [`max-${name}`, name].find((flag) => Object.hasOwn(limitOptions, flag));
}

function number(limit: keyof typeof limitBounds, summary: string, unit?: "bytes" | "seconds") {
  const size = unit === "seconds" ? 1000 : 1;
  const bounds = limitBounds[limit];
  const [min, max] = [Math.ceil(bounds.min / size), Math.floor(bounds.max / size)];
  return {
    type: "string",
    value: unit ?? "number",
    summary,
    defaultValue: String(bounds.default / size),
    parse: unit === undefined ? wholeNumber(min, max) : quantity(unit, min, max),
  } as const;
}

function bytes(limit: keyof typeof limitBounds, summary: string) {
  return number(limit, summary, "bytes");
}

function seconds(limit: keyof typeof limitBounds, summary: string) {
  return number(limit, summary, "seconds");
}
