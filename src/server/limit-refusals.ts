import { Code, ConnectError } from "@connectrpc/connect";
import { TaskError } from "./errors.ts";
import type { LimitName, OnLimit } from "./limits.ts";

/** Makes the error for a caller that has too much under way, or asks too often. RetryInfo says when to try again. */
export function overloaded(limit: LimitName, message: string, retryAfter = 1000): TaskError {
  return new TaskError("OVERLOADED", message, { metadata: { limit }, retryAfter });
}

/** Tells of an error that is about a limit. */
export function noteLimit(error: unknown, onLimit: OnLimit): void {
  const limit = limitOf(error);
  if (limit !== undefined) onLimit(limit);
}

/** Tells which limit an error is about, if it is about one: for what counts refusals. */
export function limitOf(error: unknown): LimitName | undefined {
  if (error instanceof ConnectError) {
    return error.code === Code.ResourceExhausted && error.details.length === 0 ? "message_bytes" : undefined;
  }
  if (!(error instanceof TaskError)) return undefined;
  switch (error.reason) {
    case "REQUEST_TOO_LARGE":
      return "message_bytes";
    case "MAILBOX_FULL":
      return "mailbox";
    case "OVERLOADED":
      return refusedFor[error.details.metadata?.limit ?? ""] ?? "store";
    case "LIMIT_REACHED":
      return error.details.metadata?.limit === "tasks" ? "tasks" : undefined;
    case "FIELD_INVALID":
      return ofFields(error);
    default:
      return undefined;
  }
}

const refusedFor: Readonly<Record<string, LimitName>> = {
  body_bytes: "body_bytes",
  request_rate: "request_rate",
  requests: "requests",
  subscriptions: "subscriptions",
  connection_subscriptions: "connection_subscriptions",
};

function ofFields({ details: { fields = [] } }: TaskError): LimitName | undefined {
  if (fields.some(({ description }) => description.startsWith("must be nested at most"))) return "depth";
  const tooMany = /^must have at most \d+ elements/;
  const isParts = fields.some(
    ({ field, description }) => /(^|\.)parts$/.test(field) && tooMany.test(description),
  );
  return isParts ? "parts" : undefined;
}
