import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { type ReportError, toConnectError } from "./connect-error.ts";
import { TaskError } from "./errors.ts";
import { watchStream } from "./watch-stream.ts";

/**
 * Turns what a call throws, at once or while its response is streamed, into the error that goes over the wire.
 *
 * A call whose caller has gone, or whose deadline has passed, does not begin; and a stream that ends for one of these
 * reasons does not end OK. It must be the outermost interceptor, that is, the first of the list, but for what observes the errors that go over the wire.
 */
export function createErrorInterceptor(report: ReportError, newId: () => string): Interceptor {
  const convert = (error: unknown, signal: AbortSignal) =>
    toConnectError(causeOf(error, signal), report, newId);
  return (next) => async (request) => {
    const { signal } = request;
    try {
      signal.throwIfAborted();
      const response = await next(request);
      if (!response.stream) return response;
      const message = watchStream(response.message, ({ error, left = false }) => {
        if (error !== undefined) throw convert(error, signal);
        if (!left && signal.aborted) throw convert(signal.reason, signal);
      });
      return { ...response, message };
    } catch (error) {
      throw convert(error, signal);
    }
  };
}

/** Finds what made a call fail: once it is aborted, errors of being aborted are all the same. */
function causeOf(error: unknown, signal: AbortSignal): unknown {
  if (!signal.aborted || (error !== signal.reason && !isAbort(error))) return error;
  const { reason } = signal;
  const timedOut = reason instanceof ConnectError && reason.code === Code.DeadlineExceeded;
  return timedOut || reason instanceof TaskError
    ? reason
    : new TaskError("CALLER_GONE", "the call was aborted");
}

function isAbort(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof TaskError) return false;
  if (error instanceof ConnectError) return error.code === Code.Canceled || error.code === Code.Aborted;
  return error.name === "AbortError" || ("code" in error && error.code === "ECONNRESET");
}
