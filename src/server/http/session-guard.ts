import { constants, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import { TaskError } from "../errors.ts";
import type { Limits, OnLimit } from "../limits.ts";
import type { AnswerBudget } from "./answer-budget.ts";
import { createTokenBucket } from "./token-buckets.ts";

/** Watches what one connection of HTTP/2 does besides calling. */
export interface SessionGuard {
  /** Notes that the peer has reset a stream. */
  reset(): void;
  /** Notes that a piece of a response is written. A peer may ping as often as it is sent something: that is how clients measure a connection. */
  wrote(): void;
  /** Notes how much the answer of a stream has, all of which stays until it is read. */
  holds(stream: ServerHttp2Stream, bytes: number): void;
  /** Notes that a stream has its whole answer: what is left of that is to be read in time. */
  answered(stream: ServerHttp2Stream): void;
  /** Notes that a stream is closed. */
  closed(stream: ServerHttp2Stream): void;
}

/** How long a connection that was idle has to end what it still has, in ms, before it is cut off. */
const closingTime = 30_000;

/**
 * Closes a connection that floods the server with frames that cost it something and ask for nothing (CVE-2019-9512, 9515, CVE-2023-44487),
 * with ENHANCE_YOUR_CALM, and so one that leaves too much of its answers unread; one that does not begin with its settings; and one over
 * which nothing passes any more. Cuts streams off whose answers nobody reads, however lively their connection is.
 *
 * Other floods (of CONTINUATION, of empty frames, of acknowledgements that are not read) nghttp2 and Node end by themselves, with an error of
 * the session.
 */
export function guardSession(
  session: ServerHttp2Session,
  limits: Limits,
  answers: AnswerBudget,
  onLimit: OnLimit,
): SessionGuard {
  const now = () => performance.now();
  const control = createTokenBucket(limits.controlRate, 10 * limits.controlRate, now);
  const resets = createTokenBucket(limits.resetRate, 2 * limits.maxStreams, now);

  const begin = setTimeout(() => {
    onLimit("headers_timeout");
    session.destroy();
  }, limits.headersTimeout).unref();
  let end: NodeJS.Timeout | undefined;
  let seen = "";
  let seenAt = now();
  // Not by session.setTimeout: Node keeps what it knows of a session until that has rung, long after the session is closed.
  const watch = setInterval(() => {
    endIfIdle();
    cutOffUnread();
  }, limits.idleTimeout / 4).unref();
  /** The streams that are answered and not closed, and since when. */
  const unread = new Map<ServerHttp2Stream, number>();
  /** How much there is of the answers that are not read. */
  const held = new Map<ServerHttp2Stream, number>();
  const account = answers(() => calm("the connection leaves too much of its answers unread"));
  session.once("remoteSettings", () => clearTimeout(begin));
  session.once("close", () => {
    clearTimeout(begin);
    clearTimeout(end);
    clearInterval(watch);
  });
  session.on("ping", onControl);
  session.on("remoteSettings", onControl);

  /** Closes it if nothing has come, and nothing was let out, for long enough. */
  function endIfIdle(): void {
    if (session.destroyed || end !== undefined) return;
    const passed = `${session.socket.bytesRead} ${session.state.remoteWindowSize}`;
    if (passed !== seen) {
      seen = passed;
      seenAt = now();
    }
    if (now() - seenAt < limits.idleTimeout) return;
    onLimit("idle");
    session.close();
    // Longer than the answer to any call may still take that was held back for as long as a connection may be idle.
    end = setTimeout(() => session.destroy(), closingTime).unref();
  }

  // One timer for all streams: one for each would cost a tenth of a call.
  function cutOffUnread(): void {
    const before = now() - limits.idleTimeout;
    for (const [stream, since] of unread) {
      if (since > before || stream.writableFinished) continue;
      onLimit("idle");
      stream.destroy();
    }
  }
  function onControl(): void {
    if (control.take() > 0) stopFlood("http2_control");
  }
  function stopFlood(limit: "http2_control" | "http2_resets"): void {
    if (session.destroyed) return;
    onLimit(limit);
    calm("the connection floods the server");
  }
  function calm(message: string): void {
    session.destroy(new TaskError("OVERLOADED", message), constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }
  return {
    reset() {
      if (resets.take() > 0) stopFlood("http2_resets");
    },
    wrote: () => control.give(1),
    holds(stream, bytes) {
      if (stream.destroyed || session.destroyed) return;
      held.set(stream, bytes);
      account.hold(bytes);
    },
    answered(stream) {
      if (stream.destroyed || session.destroyed) return;
      unread.set(stream, now());
    },
    closed(stream) {
      unread.delete(stream);
      const bytes = held.get(stream);
      if (bytes === undefined) return;
      held.delete(stream);
      account.release(bytes);
    },
  };
}
