import type { Writable } from "node:stream";
import { callerGone } from "../errors.ts";
import type { OnLimit } from "../limits.ts";
import type { HttpResponse } from "./dispatch.ts";

/** Where a response is written to: what HTTP/1.1 and HTTP/2 have in common. */
export interface ResponseSink {
  /** Whether the caller has gone, so that there is nobody to write to. */
  isClosed(): boolean;
  /** Notes how much the whole body has, which is there until it is read. Closes the connection where that is too much. */
  hold(bytes: number): void;
  /**
   * Writes the status and the headers. Trailers that the response will end with are named, and may still change. With
   * `isWhole`, nothing follows: HTTP/2 says so in the headers themselves, as gRPC asks of an error without a message.
   */
  begin(status: number, header: Record<string, string>, trailer: Headers | undefined, isWhole: boolean): void;
  /** Writes a piece of the body. False means to wait for `drain` before the next one. */
  write(chunk: Uint8Array): boolean;
  /** Resolves when more may be written, or the caller has gone. */
  drain(): Promise<void>;
  /** Ends the response, with a last piece if there is one, and with its trailers. What is left must be read in time, too. */
  end(chunk: Uint8Array | undefined, trailer: Headers | undefined): void;
  /** Breaks the response off, so that the caller does not take it for whole. */
  breakOff(): void;
}

/** How much of a body that is there is written at once: so that it shows whether its caller reads. */
const pieceBytes = 65_536;

/**
 * Writes a response: piece by piece as fast as the caller reads, whether its body is there or streams.
 *
 * A caller that goes away stops the body.
 */
export async function writeResponse(response: HttpResponse, sink: ResponseSink): Promise<void> {
  const { status, header, body, trailer } = response;
  if (body === undefined || body instanceof Uint8Array) {
    if (body !== undefined) sink.hold(body.length);
    // That may have been too much for its connection.
    if (sink.isClosed()) return;
    sink.begin(status, plain(header), trailer, body === undefined && trailer === undefined);
    let rest = body;
    for (; rest !== undefined && rest.length > pieceBytes; rest = rest.subarray(pieceBytes)) {
      if (!sink.write(rest.subarray(0, pieceBytes))) await sink.drain();
      if (sink.isClosed()) return;
    }
    sink.end(rest, trailer);
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
    await source.throw?.(callerGone()).catch(() => {});
  }
}

/**
 * Cuts a caller off that has left all of what a stream holds for it unread for `timeout` ms: it costs that, and comes back to where it was
 * if it is one. Returns what is called when it has read.
 */
export function cutOffUnread(stream: Writable, timeout: number, onLimit: OnLimit): () => void {
  const timer = setTimeout(() => {
    onLimit("idle");
    stream.destroy();
  }, timeout).unref();
  return () => clearTimeout(timer);
}

/** Sees to it that what is left of a stream that has ended is read in time. */
export function cutOffUnreadEnd(stream: Writable, timeout: number, onLimit: OnLimit): void {
  if (stream.destroyed || stream.writableFinished) return;
  const read = cutOffUnread(stream, timeout, onLimit);
  stream.once("finish", read).once("close", read);
}

/** Resolves when a stream takes more, or is closed, as it is where its caller does not read in time. */
export function untilRead(stream: Writable, timeout: number, onLimit: OnLimit): Promise<void> {
  return new Promise((resolve) => {
    const read = cutOffUnread(stream, timeout, onLimit);
    const done = () => {
      read();
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
