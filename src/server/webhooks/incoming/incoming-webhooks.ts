import { hash } from "node:crypto";
import type { UniversalServerRequest } from "@connectrpc/connect/protocol";
import { SpanKind } from "@opentelemetry/api";
import type { Agent } from "../../agent.ts";
import type { Clock } from "../../clock.ts";
import { type ReportError, toConnectError } from "../../connect-error.ts";
import { hasReason, type Reason, TaskError } from "../../errors.ts";
import type { Dispatch, HttpResponse } from "../../http/index.ts";
import { limitOf, noteLimit } from "../../limit-refusals.ts";
import type { OnLimit } from "../../limits.ts";
import { type Mailbox, requireAgent } from "../../mailbox/mailbox.ts";
import type { RequestKey } from "../../store/calls.ts";
import { endSpan, startSpan, within } from "../../telemetry/spans.ts";
import { traceOfHeaders } from "../../telemetry/trace-context.ts";
import { createBodyReader } from "./body-reader.ts";
import type { IncomingWebhook, VerifiedWebhook, WebhookRequest } from "./incoming-webhook.ts";
import { acceptedResponse, challengeResponse, refusal } from "./webhook-response.ts";
import { targetRequest } from "./webhook-target.ts";

/** The most bytes of all requests in hand. Whoever sends them has yet to prove who it is. */
const maxHeld = 64 * 1024 * 1024;

export interface IncomingWebhooksOptions {
  agents: ReadonlyMap<string, Agent>;
  mailbox: Pick<Mailbox, "createTask">;
  clock: Clock;
  /** Takes note of what an agent's verify or route throws. */
  report: ReportError;
  /** Rejects with what a request is to be refused with before anything is spent on it. */
  admit?: (request: UniversalServerRequest) => Promise<never> | undefined;
  /** The most bytes of one request. Default 4 MiB. */
  maxBytes?: number;
  /** Is told of what is refused for a limit. */
  onLimit?: OnLimit;
  /** Aborts when the server stops. Its reason is the answer from then on. */
  stopping: AbortSignal;
}

/** A webhook of an agent, found by its path. */
interface Hook {
  agent: string;
  name: string;
  webhook: IncomingWebhook;
}

/**
 * Makes the function that answers `POST /webhooks/{agent}/{hook}`.
 *
 * An answer of 202 means that the event is in its mailbox (G1), 200 that it was already: a delivery that is made again, at the same time,
 * or after a restart, is one event (G8). Its route may find something else this time, which has no effect.
 */
export function createIncomingWebhooks(options: IncomingWebhooksOptions): Dispatch {
  const { agents, mailbox, clock, report, stopping, admit = () => undefined, onLimit = () => {} } = options;
  const { maxBytes = 4 * 1024 * 1024 } = options;
  const withBody = createBodyReader({ maxBytes, maxHeld });

  async function answer(request: UniversalServerRequest): Promise<HttpResponse> {
    const url = new URL(request.url);
    const hook = findHook(agents, url.pathname);
    stopping.throwIfAborted();
    if (request.method !== "POST") {
      throw new TaskError("METHOD_UNKNOWN", "a webhook takes nothing but POST");
    }
    await admit(request);
    return withBody(request, (body) => accept(hook, url, request.header, body));
  }

  async function accept(hook: Hook, url: URL, headers: Headers, body: Uint8Array): Promise<HttpResponse> {
    const { deliveryId, challenge } = await verify(hook, headers, body, clock);
    if (challenge !== undefined) return challengeResponse(challenge);
    const target = await called(hook, "route", ["VALUE_INVALID", "REQUEST_MALFORMED"], () =>
      hook.webhook.route(createRequest(url, headers, body)),
    );
    if (target === undefined) return { status: 204 };
    const request = targetRequest(hook.agent, target);
    return acceptedResponse(await mailbox.createTask(request, deliveryKey(hook, deliveryId)));
  }

  async function settle(request: UniversalServerRequest): Promise<HttpResponse> {
    try {
      return await answer(request);
    } catch (error) {
      // What was not admitted has been counted.
      if (limitOf(error) !== "requests" && limitOf(error) !== "request_rate") noteLimit(error, onLimit);
      return refusal(toConnectError(error, report, clock.id));
    }
  }

  return async (request) => {
    const span = startSpan({
      name: "POST /webhooks/{agent}/{name}",
      kind: SpanKind.SERVER,
      parent: traceOfHeaders(request.header),
      attributes: { "http.request.method": "POST", "http.route": "/webhooks/{agent}/{name}" },
    });
    const response = await within(span, () => settle(request));
    span.setAttribute("http.response.status_code", response.status);
    endSpan(span, response.status >= 500 ? String(response.status) : undefined);
    return response;
  };
}

function findHook(agents: ReadonlyMap<string, Agent>, path: string): Hook {
  const [, agent, name] = /^\/webhooks\/([a-z0-9-]{1,63})\/([a-z0-9-]{1,63})$/.exec(path) ?? [];
  if (agent === undefined || name === undefined) throw webhookNotFound("there is no webhook at this path");
  const { webhooks = {} } = requireAgent(agents, agent);
  const webhook = Object.hasOwn(webhooks, name) ? webhooks[name] : undefined;
  if (webhook !== undefined) return { agent, name, webhook };
  throw webhookNotFound(`agent ${agent} has no webhook ${name}`);
}

async function verify(
  hook: Hook,
  headers: Headers,
  body: Uint8Array,
  clock: Clock,
): Promise<VerifiedWebhook> {
  const verified: unknown = await called(hook, "verify", ["SIGNATURE_INVALID"], () =>
    hook.webhook.verify({ headers, body }, clock.now()),
  );
  const name = `${hook.agent}/${hook.name}`;
  // A verifier in plain JavaScript that answers `false` has not verified anything.
  if (typeof verified !== "object" || verified === null) {
    throw new TaskError("INTERNAL", `verify of webhook ${name} must return an object`);
  }
  const { deliveryId, ...rest }: { deliveryId?: unknown } = verified;
  // A header that is not there is null: all requests without an id would be the same delivery.
  if (deliveryId === undefined || deliveryId === null) return rest;
  if (typeof deliveryId === "string") return { ...rest, deliveryId };
  throw new TaskError("INTERNAL", `the deliveryId that verify of webhook ${name} returns must be a string`);
}

/** Calls an agent's function. What it throws for a reason that the sender is to know passes; everything else is a defect. */
async function called<T>(
  { agent, name }: Hook,
  what: string,
  passing: Reason[],
  call: () => T,
): Promise<Awaited<T>> {
  try {
    return await call();
  } catch (error) {
    if (hasReason(error, ...passing)) throw error;
    throw new TaskError("INTERNAL", `${what} of webhook ${agent}/${name} threw`, {}, { cause: error });
  }
}

function createRequest(url: URL, headers: Headers, body: Uint8Array): WebhookRequest {
  return {
    url,
    headers,
    body,
    text: new TextDecoder().decode(body),
    json() {
      try {
        // Not from `text`, in which what is not UTF-8 was replaced, and would be kept as what was never sent.
        return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
      } catch (error) {
        throw new TaskError("REQUEST_MALFORMED", "the body is not JSON", {}, { cause: error });
      }
    },
  };
}

/**
 * Makes the key under which a delivery is one request. Its fingerprint is that of the delivery alone, not of what the route has made of it:
 * an agent that was changed since would otherwise have the provider told that its redelivery is an error.
 */
function deliveryKey({ agent, name }: Hook, deliveryId: string | undefined): { key?: RequestKey } {
  if (deliveryId === undefined || deliveryId === "") return {};
  const fingerprint = hash("sha256", JSON.stringify([agent, name, deliveryId]), "base64url");
  return { key: { id: `webhook:${fingerprint}`, fingerprint } };
}

function webhookNotFound(message: string): TaskError {
  return new TaskError("WEBHOOK_NOT_FOUND", message);
}
