import type { Writable } from "node:stream";
import { TaskError } from "../errors.ts";
import type { OnLimit } from "../limits.ts";
import type { HttpResponse } from "./dispatch.ts";

/** Where a response is written to: what HTTP/1.1 and HTTP/2 have in common. */
export interface ResponseSink {
  /** Whether the caller has gone, so that there is nobody to write to. */
  isClosed(): boolean;
  /**
   * Writes the status and the headers. Trailers that the response will end with are named, and may still change. With
   * `isWhole`, nothing follows: HTTP/2 says so in the headers themselves, as gRPC asks of an error without a message.
   */
  begin(status: number, header: Record<string, string>, trailer: Headers | undefined, isWhole: boolean): void;
  /** Writes a piece of the body. False means to wait for `drain` before the next one. */
  write(chunk: Uint8Array): boolean;
  /** Resolves when more may be written, or the caller has gone. */
  drain(): Promise<void>;
  /** Ends the response, with a last piece if there is one, and with its trailers. */
  end(chunk: Uint8Array | undefined, trailer: Headers | undefined): void;
  /** Breaks the response off, so that the caller does not take it for whole. */
  breakOff(): void;
}

/**
 * Writes a response: in one piece if its body is there, piece by piece as fast as the caller reads if it streams.
 *
 * A caller that goes away stops the body.
 */
export async function writeResponse(response: HttpResponse, sink: ResponseSink): Promise<void> {
  const { status, header, body, trailer } = response;
  if (body === undefined || body instanceof Uint8Array) {
    if (sink.isClosed()) return;
    sink.begin(status, plain(header), trailer, body === undefined && trailer === undefined);
    sink.end(body, trailer);
    return;
  }
  const source = body[Symbol.asyncIterator]();
  let result = await source.next();
  if (!sink.isClosed()) sink.begin(status, plain(header), trailer, false);
  for (; result.done !== true && !sink.isClosed(); result = await source.next()) {
    if (!sink.write(result.value)) await sink.drain();
  }
  if (!sink.isClosed()) {
    sink.end(undefined, trailer);
  } else if (result.done !== true) {
    // What the body says to that is of no interest: nobody is left to hear it.
    await source.throw?.(new TaskError("CALLER_GONE", "the caller went away")).catch(() => {});
  }
}

/**
 * Resolves when a stream takes more, or is closed. A caller that has left all of it unread for `timeout` ms is cut off: it costs what is held
 * for it, and comes back to where it was if it is one.
 */
export function untilRead(stream: Writable, timeout: number, onLimit: OnLimit): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      onLimit("idle");
      stream.destroy();
    }, timeout).unref();
    const done = () => {
      clearTimeout(timer);
      stream.off("drain", done);
      stream.off("close", done);
      resolve();
    };
    stream.on("drain", done);
    stream.on("close", done);
  });
}

/** Puts headers into the form in which Node takes them. */
export function plain(header: Headers | undefined): Record<string, string> {
  return header === undefined ? {} : Object.fromEntries(header);
}
