import type { JsonObject } from "@bufbuild/protobuf";
import type { Content } from "../../agent.ts";
import type { Millis } from "../../store/records.ts";

/** An incoming webhook: how a request is known to be genuine, and what becomes of it. */
export interface IncomingWebhook {
  /** Checks a request, and tells what identifies the delivery, so that a provider's redelivery is one event. Throws SIGNATURE_INVALID. */
  verify: VerifyWebhook;
  /**
   * Finds where a request goes; nothing means that it is not wanted, which is answered with 204. It runs before the answer, and again
   * for each redelivery, so it should do nothing else. VALUE_INVALID is answered with 400, whatever else it throws with 500.
   */
  route(request: WebhookRequest): WebhookTarget | undefined | Promise<WebhookTarget | undefined>;
}

/** Checks a request as it came, at a moment. Answered with 401 if it throws SIGNATURE_INVALID, with 500 for everything else. */
export type VerifyWebhook = (
  request: RawWebhookRequest,
  now: Millis,
) => VerifiedWebhook | Promise<VerifiedWebhook>;

/** What is known of a request that is genuine. */
export interface VerifiedWebhook {
  /** The provider's id of the delivery, the same when it delivers again. Without one, every request is an event of its own. */
  deliveryId?: string | undefined;
  /** Set when the provider only asks whether somebody is there: it is answered with this text, and nothing is routed. */
  challenge?: string | undefined;
}

/** A webhook's request as it came: its body not parsed, and not to be trusted yet. */
export interface RawWebhookRequest {
  headers: Headers;
  body: Uint8Array;
}

/** A webhook's request that is known to be genuine. */
export interface WebhookRequest extends RawWebhookRequest {
  /** The path that was called, with its query. Its origin is always `http://localhost`. */
  url: URL;
  /** The body as text. */
  text: string;
  /** Parses the body as JSON. Throws REQUEST_MALFORMED, which is answered with 400 when `route` lets it pass. */
  json(): unknown;
}

/** Where a webhook's request goes: an event for the task of this name, which is made if there is no unfinished one. */
export interface WebhookTarget {
  /** The task's name, at most 256 characters. Without one, a task is made for each request. */
  task?: string;
  /** The event's content. */
  content: Content;
  /** What kind of event it is, at most 128 characters, not beginning with `pigeonhole.`. */
  type?: string;
  sender?: string;
  metadata?: JsonObject;
  /** What a task that is made is about. */
  params?: JsonObject;
  labels?: Readonly<Record<string, string>>;
}
