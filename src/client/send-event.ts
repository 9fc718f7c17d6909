import type { Client } from "@connectrpc/connect";
import { EventWait, SendEventRequestSchema, type SendEventResponse, type TaskService } from "../proto.ts";
import { createRequest } from "./create-request.ts";
import { type EventContent, parseEventContent } from "./event-content.ts";
import { createRequestId } from "./request-id.ts";
import { type RetryPolicy, retry, withWait } from "./retry.ts";
import type { SendOptions } from "./task-options.ts";
import { durationOf, timestampOf } from "./times.ts";

/** How long to wait for an event to be settled when the caller does not say, in ms. */
const defaultWait = 30_000;

/** Puts an event into a task's mailbox. See TasksClient.send for what the caller may rely on. */
export async function sendEvent(
  rpc: Client<typeof TaskService>,
  policy: RetryPolicy,
  taskId: string,
  content: EventContent,
  { signal, requestId = createRequestId(), deliverTime, waitTimeout = defaultWait, ...options }: SendOptions,
): Promise<SendEventResponse> {
  const { $typeName: _, ...event } = parseEventContent(content);
  const request = createRequest(SendEventRequestSchema, {
    ...event,
    ...options,
    ...(deliverTime && { deliverTime: timestampOf("deliver_time", deliverTime) }),
    taskId,
    requestId,
  });
  if (request.wait !== EventWait.PROCESSED) {
    return retry(policy, signal, (call) => rpc.sendEvent(request, call));
  }
  const begin = performance.now();
  return retry(withWait(policy, waitTimeout), signal, (call) => {
    // What is left of the time, so that a lost connection does not make the wait longer. It is no part of what the request id identifies.
    const left = Math.max(0, waitTimeout - (performance.now() - begin));
    return rpc.sendEvent({ ...request, waitTimeout: durationOf("wait_timeout", left) }, call);
  });
}
