import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { DescMethod } from "@bufbuild/protobuf";
import type { UniversalServerRequest } from "@connectrpc/connect/protocol";
import type { Metadata } from "@grpc/grpc-js";
import type { Millis } from "../../store/records.ts";
import type { SessionGuard } from "../session-guard.ts";

/** How often the calls are looked through for those whose request takes too long. */
const maxSweepInterval = 10_000;
/** The header under which grpc-js is told which call it is. */
const key = "call";

/** A call whose request arrives, or that is under way. */
export interface OpenCall {
  stream: ServerHttp2Stream;
  /** Watches the connection. */
  guard: SessionGuard;
  method: DescMethod;
  request: UniversalServerRequest;
  /** Aborts the request's signal. It is aborted when the caller goes. */
  controller: AbortController;
  /** When the call began, in ms since the epoch. */
  begun: number;
  /** When the call must have ended, in ms since the epoch, if ever. */
  deadline: number | undefined;
}

/** The calls that are open, for those who are given nothing of a call but its metadata. */
export interface OpenCalls {
  /** Notes a call until its stream is closed. Gives the headers under which it is found: all of them that grpc-js is to see. */
  add(call: OpenCall, headers: IncomingHttpHeaders): IncomingHttpHeaders;
  /** Finds a call. Its caller may have gone in the meantime. */
  of(metadata: Metadata): OpenCall | undefined;
}

/**
 * Makes the register of the calls that are open. A call whose request has not arrived in time is given to `onLate`.
 *
 * grpc-js is not shown the headers that are for handlers: it would split them at commas, and log what it dislikes to the console. Nor is
 * it shown the deadline, which it keeps apart from the handler's signal, and counts in 32 bits.
 */
export function createOpenCalls(requestTimeout: Millis, onLate: (call: OpenCall) => void): OpenCalls {
  const calls = new Map<string, OpenCall>();
  let count = 0;
  let sweeper: NodeJS.Timeout | undefined;

  // One timer for all calls: one for each would cost more than the rest of the register.
  function sweep(): void {
    if (calls.size === 0) {
      clearInterval(sweeper);
      sweeper = undefined;
    }
    const before = Date.now() - requestTimeout;
    for (const call of calls.values()) if (call.begun < before && !call.stream.readableEnded) onLate(call);
  }

  return {
    add(call, headers) {
      count += 1;
      const id = String(count);
      calls.set(id, call);
      call.stream.on("close", () => calls.delete(id));
      sweeper ??= setInterval(sweep, Math.min(maxSweepInterval, requestTimeout / 4)).unref();
      const shown: IncomingHttpHeaders = {
        ":path": headers[":path"],
        "content-type": headers["content-type"],
      };
      const encoding = headers["grpc-encoding"];
      if (encoding !== undefined) shown["grpc-encoding"] = encoding;
      shown[key] = id;
      return shown;
    },
    of: (metadata) => calls.get(String(metadata.get(key)[0])),
  };
}
