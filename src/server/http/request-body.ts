import type { Readable } from "node:stream";
import { Code, ConnectError } from "@connectrpc/connect";
import { toConnectError } from "../connect-error.ts";
import type { TaskError } from "../errors.ts";
import { overloaded } from "../limit-refusals.ts";
import type { BodyShare } from "./body-budget.ts";

export interface BodyBounds {
  /** How long the body may take to arrive, in ms. */
  timeout: number;
  onTimeout(): void;
  /** What it takes of the memory that all share. */
  share: BodyShare;
}

/**
 * Reads the body of a request as it is pulled, and no faster.
 *
 * Fails with OVERLOADED if its share is used up, with CANCELED if the caller goes before its end, and with DEADLINE_EXCEEDED if the end has not come after
 * `timeout` ms, Can be iterated once. It does what Readable's own iterator does, several times as fast for a body of one
 * chunk, which nearly every request is.
 */
export function createRequestBody(source: Readable, bounds: BodyBounds): AsyncIterable<Uint8Array> {
  return { [Symbol.asyncIterator]: () => createIterator(source, bounds) };
}

function createIterator(
  source: Readable,
  { timeout, onTimeout, share }: BodyBounds,
): AsyncIterator<Uint8Array> {
  let waiting:
    | { resolve(result: IteratorResult<Uint8Array>): void; reject(error: unknown): void }
    | undefined;
  let timer: NodeJS.Timeout | undefined;
  let ended = source.readableEnded;
  let failure: ConnectError | undefined;
  source.on("readable", settle);
  source.once("end", onEnd);
  source.once("close", onClose);
  // One who went before anybody wanted to read has said so already, to nobody.
  if (source.closed) onClose();

  function release(): void {
    source.off("readable", settle);
    source.off("end", onEnd);
    source.off("close", onClose);
    clearTimeout(timer);
  }
  function onEnd(): void {
    ended = true;
    settle();
  }
  function onClose(): void {
    if (!ended) fail(new ConnectError("the caller went away", Code.Canceled));
  }
  function onLate(): void {
    onTimeout();
    fail(new ConnectError(`the request did not arrive within ${timeout} ms`, Code.DeadlineExceeded));
  }
  function fail(error: ConnectError): void {
    failure = error;
    settle();
  }
  function take(): IteratorResult<Uint8Array> | undefined {
    const chunk: Uint8Array | null = failure === undefined ? source.read() : null;
    if (chunk !== null && !share.take(chunk.byteLength)) {
      failure = asConnectError(tooMuchInHand());
      return undefined;
    }
    if (chunk !== null) return { done: false, value: chunk };
    return ended ? { done: true, value: undefined } : undefined;
  }
  function settle(): void {
    if (waiting === undefined) return;
    const { resolve, reject } = waiting;
    const result = take();
    if (result === undefined && failure === undefined) return;
    waiting = undefined;
    if (result !== undefined) {
      if (result.done === true) release();
      resolve(result);
    } else {
      release();
      reject(failure);
    }
  }

  return {
    next: () =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        settle();
        if (waiting === undefined || timer !== undefined) return;
        timer = setTimeout(onLate, timeout).unref();
      }),
    async return() {
      release();
      return { done: true, value: undefined };
    },
  };
}

/** Makes the error of a body that there is no room for. */
export function tooMuchInHand(): TaskError {
  return overloaded("body_bytes", "the server has as much in hand of what callers send as it may");
}

/** Makes an error ready for the wire: connect tells an error of another kind, thrown by a body, to the caller as a defect. */
function asConnectError(error: TaskError): ConnectError {
  return toConnectError(
    error,
    () => {},
    () => "",
  );
}
