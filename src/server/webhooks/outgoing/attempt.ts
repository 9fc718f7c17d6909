import { SpanKind } from "@opentelemetry/api";
import type { Logger } from "../../agent.ts";
import type { Clock } from "../../clock.ts";
import { TaskError } from "../../errors.ts";
import { linkSignals } from "../../link-signals.ts";
import { retryDelay } from "../../mailbox/retry-delay.ts";
import type { LogEntry, Millis } from "../../store/records.ts";
import type {
  Delivery,
  DeliveryKey,
  DeliveryOutcome,
  WebhookEntryKind,
} from "../../store/webhook-records.ts";
import { endSpan, startSpan } from "../../telemetry/spans.ts";
import { headersOf } from "../../telemetry/trace-context.ts";
import type { AddressGuard } from "./address-guard.ts";
import { payloadOf } from "./payload.ts";
import type { Post, PostResponse } from "./post.ts";
import { retryAfterMillis } from "./retry-after.ts";
import { sign } from "./sign.ts";

const backoff = { initialBackoff: 1000, maxBackoff: 3_600_000 };
/** How long a webhook may fail before it is DEAD. */
const deadAfter: Millis = 3 * 86_400_000;
/** After how long without an attempt that begins anew. Longer than any wait, also of one among many that fail. */
const idleAfter: Millis = 86_400_000;

export interface AttemptOptions {
  guard: AddressGuard;
  clock: Clock;
  log: Logger;
  /** How long an attempt may take, from the look-up of the name to the status of the response. */
  timeout: Millis;
  post: Post;
}

/**
 * Makes one attempt: checks where the URL leads, posts, and decides what comes of it. Rejects with the signal's reason if that aborts before
 * it is known; the attempt is then to be made again.
 */
export async function attempt(
  { guard, clock, log, timeout, post }: AttemptOptions,
  key: DeliveryKey,
  delivery: Delivery,
  stop: AbortSignal,
): Promise<DeliveryOutcome> {
  const { entry } = delivery;
  if (entry === undefined || entry.kind === "delta") return { kind: "skipped" };
  const span = startSpan({
    name: "POST webhook",
    kind: SpanKind.CLIENT,
    parent: delivery.trace,
    attributes: {
      "http.request.method": "POST",
      "pigeonhole.webhook.id": key.webhookId,
      "pigeonhole.task.id": key.taskId,
    },
  });
  /** What has gone wrong, for the span. */
  let problem: string | undefined;
  const { signal, abort, release } = linkSignals(stop);
  const disarm = clock.timer(timeout, () => abort(new DOMException("no response in time", "TimeoutError")));
  try {
    const response = await send(entry, signal);
    span.setAttribute("http.response.status_code", response.status);
    if (response.status >= 200 && response.status < 300) return { kind: "delivered" };
    const wait = Math.min(retryAfterMillis(response.retryAfter, clock.now()), backoff.maxBackoff);
    problem = String(response.status);
    return failed(problem, wait, response.status === 410 ? 0 : deadAfter);
  } catch (error) {
    problem = error instanceof TaskError ? error.reason : (describe(error) ?? "internal error");
    stop.throwIfAborted();
    const description = describe(error);
    if (description === undefined) log.error("a webhook's delivery could not be made", { ...key, error });
    return failed(description ?? "internal error", 0, deadAfter);
  } finally {
    disarm();
    release();
    endSpan(span, problem);
  }

  async function send(
    entry: LogEntry & { kind: WebhookEntryKind },
    signal: AbortSignal,
  ): Promise<PostResponse> {
    const { webhookId, taskId } = key;
    const body = payloadOf(taskId, entry);
    const target = await unlessAborted(guard.check(delivery.url), signal);
    const id = `${webhookId}.${taskId}.${entry.sequence}`;
    const timestamp = Math.floor(clock.now() / 1000);
    const headers = {
      "content-type": "application/json",
      "user-agent": "pigeonhole-webhooks/1",
      "webhook-id": id,
      "webhook-timestamp": String(timestamp),
      "webhook-signature": sign(delivery.secret, id, timestamp, body),
      ...headersOf(span.spanContext()),
    };
    return post({ target, headers, body, signal, clock });
  }

  function failed(error: string, wait: Millis, deadAfter: Millis): DeliveryOutcome {
    const now = clock.now();
    const { failures, rounds } = delivery;
    const delay = (count: number) => Math.max(wait, retryDelay(backoff, count, clock.random()));
    // The first failure may be about its entry. Only when another fails, too, the receiver is left alone.
    const resume = rounds > 0 ? delay(rounds - 1) : wait;
    return {
      kind: "failed",
      error,
      retryTime: now + delay(failures),
      ...(resume > 0 && { resumeTime: now + resume }),
      rounds,
      deadAfter,
      idleAfter,
    };
  }
}

/** Waits for something that cannot be broken off. Rejects with the signal's reason when that aborts before. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: first, resolve, reject } = Promise.withResolvers<T>();
  const onAbort = () => reject(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  promise.then(resolve, reject);
  return first.finally(() => signal.removeEventListener("abort", onAbort));
}

/** Says in short what went wrong out there, as in `ECONNREFUSED` or `timeout`, for the webhook's owner. Nothing of a defect. */
function describe(error: unknown): string | undefined {
  if (error instanceof TaskError) return `${error.reason}: ${error.message}`;
  if (!(error instanceof Error)) return undefined;
  if (error.name === "TimeoutError") return "timeout";
  return "code" in error ? String(error.code) : undefined;
}
