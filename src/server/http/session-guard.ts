import { constants, type ServerHttp2Session } from "node:http2";
import { TaskError } from "../errors.ts";
import type { Limits, OnLimit } from "../limits.ts";
import { createTokenBucket } from "./token-buckets.ts";

/** Watches what one connection of HTTP/2 does besides calling. */
export interface SessionGuard {
  /** Notes that the peer has reset a stream. */
  reset(): void;
  /** Notes that a piece of a response is written. A peer may ping as often as it is sent something: that is how clients measure a connection. */
  wrote(): void;
}

/** How long a connection that was idle has to end what it still has, in ms, before it is cut off. */
const closingTime = 30_000;

/**
 * Closes a connection that floods the server with frames that cost it something and ask for nothing (CVE-2019-9512, 9515, CVE-2023-44487),
 * with ENHANCE_YOUR_CALM; one that does not begin with its settings; and one over which nothing passes any more.
 *
 * Other floods (of CONTINUATION, of empty frames, of acknowledgements that are not read) nghttp2 and Node end by themselves, with an error of
 * the session.
 */
export function guardSession(session: ServerHttp2Session, limits: Limits, onLimit: OnLimit): SessionGuard {
  const now = () => performance.now();
  const control = createTokenBucket(limits.controlRate, 10 * limits.controlRate, now);
  const resets = createTokenBucket(limits.resetRate, 2 * limits.maxStreams, now);

  const begin = setTimeout(() => {
    onLimit("headers_timeout");
    session.destroy();
  }, limits.headersTimeout).unref();
  let end: NodeJS.Timeout | undefined;
  session.once("remoteSettings", () => clearTimeout(begin));
  session.once("close", () => {
    clearTimeout(begin);
    clearTimeout(end);
  });
  session.setTimeout(limits.idleTimeout, () => {
    if (end !== undefined) return;
    onLimit("idle");
    session.close();
    // Longer than the answer to any call may still take that was held back for as long as a connection may be idle.
    end = setTimeout(() => session.destroy(), closingTime).unref();
  });
  session.on("ping", onControl);
  session.on("remoteSettings", onControl);

  function onControl(): void {
    if (control.take() > 0) calm("http2_control");
  }
  function calm(limit: "http2_control" | "http2_resets"): void {
    if (session.destroyed) return;
    onLimit(limit);
    const error = new TaskError("OVERLOADED", "the connection floods the server");
    session.destroy(error, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }
  return {
    reset() {
      if (resets.take() > 0) calm("http2_resets");
    },
    wrote: () => control.give(1),
  };
}
