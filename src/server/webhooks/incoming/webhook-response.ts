import { durationMs } from "@bufbuild/protobuf/wkt";
import type { ConnectError } from "@connectrpc/connect";
import { codeToHttpStatus } from "@connectrpc/connect/protocol-connect";
import { ErrorInfoSchema, RetryInfoSchema } from "../../../proto.ts";
import type { Reason } from "../../errors.ts";
import type { HttpResponse } from "../../http/index.ts";
import type { CreatedTask } from "../../store/calls.ts";

/** The statuses of reasons whose code stands for another one, or for none that a provider knows. */
const statuses: Partial<Record<Reason, number>> = {
  REQUEST_TOO_LARGE: 413,
  METHOD_UNKNOWN: 405,
  // The request did not arrive in time.
  DEADLINE_EXCEEDED: 408,
  // The task does not take the event now. A later delivery may be taken.
  TASK_FINISHED: 409,
  TASK_BUSY: 409,
};

/** How long a provider is asked to wait where the error does not say, in seconds. */
const defaultRetryAfter = 1;

/** Tells that an event is in its mailbox: 202, or 200 if an earlier delivery put it there. */
export function acceptedResponse({ task, event, duplicate }: CreatedTask): HttpResponse {
  return json(duplicate ? 200 : 202, { taskId: task.id, eventId: event?.id, duplicate });
}

/** Answers the provider's question whether somebody is there. */
export function challengeResponse(challenge: string): HttpResponse {
  return whole(200, new Headers({ "content-type": "text/plain; charset=utf-8" }), challenge);
}

/** Tells what was wrong: reason and message, and the id of the error where it is in the server's log alone. */
export function refusal(error: ConnectError): HttpResponse {
  const [info] = error.findDetails(ErrorInfoSchema);
  const reason = info?.reason ?? "INTERNAL";
  const errorId = info?.metadata.error_id;
  const status = statuses[reason as Reason] ?? codeToHttpStatus(error.code);
  const header = new Headers();
  if (status === 405) header.set("allow", "POST");
  if (status === 429 || status === 503) header.set("retry-after", String(retryAfter(error)));
  return json(status, { error: { reason, message: error.rawMessage, errorId } }, header);
}

function retryAfter(error: ConnectError): number {
  const [retry] = error.findDetails(RetryInfoSchema);
  return retry?.retryDelay ? Math.max(1, Math.ceil(durationMs(retry.retryDelay) / 1000)) : defaultRetryAfter;
}

function json(status: number, value: object, header = new Headers()): HttpResponse {
  header.set("content-type", "application/json");
  return whole(status, header, JSON.stringify(value));
}

function whole(status: number, header: Headers, text: string): HttpResponse {
  const body = Buffer.from(text);
  header.set("content-length", String(body.length));
  return { status, header, body };
}
