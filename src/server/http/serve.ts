import type { Dispatch } from "./dispatch.ts";
import { type RequestHead, readRequest } from "./read-request.ts";
import { type ResponseSink, writeResponse } from "./write-response.ts";

/** Brings one request to its answer, whichever HTTP it came by. `signal` is aborted when its caller goes. */
export type Serve = (
  head: RequestHead,
  body: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
  sink: ResponseSink,
) => void;

/** Makes the function that serves requests. What goes wrong outside of every call is given to `onDefect`. */
export function createServe(dispatch: Dispatch, onDefect: (error: unknown) => void): Serve {
  const serve = async (...[head, body, signal, sink]: Parameters<Serve>) =>
    writeResponse(await dispatch(readRequest(head, body, signal)), sink);
  return (head, body, signal, sink) => {
    serve(head, body, signal, sink).catch((error: unknown) => {
      onDefect(error);
      sink.breakOff();
    });
  };
}
