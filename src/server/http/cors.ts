import { cors } from "@connectrpc/connect";
import type { UniversalServerRequest, UniversalServerResponse } from "@connectrpc/connect/protocol";

import { TaskError } from "../errors.ts";
import { isOrigin } from "./origin.ts";

/** Lets scripts of other origins use the API. */
export interface Cors {
  /** Answers a browser that asks whether a request is allowed (a preflight), or gives nothing if it is no such question. */
  preflight(request: UniversalServerRequest): UniversalServerResponse | undefined;
  /** Adds what a script needs so that it may read a response. */
  apply(request: UniversalServerRequest, header: Headers): void;
}

/** How long a browser may remember the answer to a preflight: two hours, as long as any browser does. */
const maxAgeSeconds = 7200;

/** What scripts may send: the headers of the protocols, who calls (which `*` would not cover), and the trace that a call is part of. */
const allowedHeaders = [...cors.allowedHeaders, "Authorization", "traceparent", "tracestate"].join(", ");

/** Allows scripts of the listed origins, such as `https://example.com`; of every origin if "*" is among them. Throws VALUE_INVALID for others. */
export function createCors(origins: readonly string[]): Cors {
  for (const origin of origins) {
    if (origin === "*" || isOrigin(origin)) continue;
    const example = "such as https://example.com";
    throw new TaskError("VALUE_INVALID", `${JSON.stringify(origin)} is no origin, ${example}, and not *`);
  }
  const allowed = new Set(origins);
  const any = allowed.has("*");
  const exposed = cors.exposedHeaders.join(", ");

  function apply(request: UniversalServerRequest, header: Headers): void {
    if (allowed.size === 0) return;
    // The answer differs by origin, so a cache must not give one origin's to another.
    if (!any) header.append("vary", "Origin");
    const origin = request.header.get("origin");
    if (origin === null || (!any && !allowed.has(origin))) return;
    header.set("access-control-allow-origin", any ? "*" : origin);
    header.set("access-control-expose-headers", exposed);
  }

  return {
    apply,
    preflight(request) {
      if (request.method !== "OPTIONS" || !request.header.has("access-control-request-method"))
        return undefined;
      const header = new Headers();
      apply(request, header);
      if (header.has("access-control-allow-origin")) {
        header.set("access-control-allow-methods", cors.allowedMethods.join(", "));
        header.set("access-control-allow-headers", allowedHeaders);
        header.set("access-control-max-age", String(maxAgeSeconds));
      }
      return { status: 204, header };
    },
  };
}
