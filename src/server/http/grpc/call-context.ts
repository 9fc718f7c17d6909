import {
  Code,
  ConnectError,
  createContextValues,
  type HandlerContext,
  type MethodImplSpec,
} from "@connectrpc/connect";
import { TaskError } from "../../errors.ts";
import type { OpenCall } from "./open-calls.ts";

/** What an implementation knows of its call, for as long as the call lasts. */
export interface CallContext extends HandlerContext {
  call: OpenCall;
  /** Aborts the signal and forgets the deadline: the call is over. */
  end(): void;
}

/** What the signal of a call tells when the call is over. Made once, because making an error takes time. */
const over = new TaskError("CALLER_GONE", "the call is over");

/**
 * Makes the context of a call. It is what `createHandlerContext` of connect makes, with one signal for all that ends a call in place of a
 * chain of three.
 */
export function createCallContext({ method }: MethodImplSpec, call: OpenCall): CallContext {
  const { request, controller, deadline } = call;
  const left = () => (deadline === undefined ? undefined : deadline - Date.now());
  const late = () => controller.abort(new ConnectError("the operation timed out", Code.DeadlineExceeded));
  const timeout = left();
  const timer = timeout === undefined || timeout <= 0 ? undefined : setTimeout(late, timeout);
  if (timeout !== undefined && timeout <= 0) late();
  return {
    call,
    service: method.parent,
    method,
    requestMethod: request.method,
    protocolName: "grpc",
    url: request.url,
    signal: controller.signal,
    timeoutMs: left,
    requestHeader: request.header,
    responseHeader: new Headers(),
    responseTrailer: new Headers(),
    values: request.contextValues ?? createContextValues(),
    end() {
      clearTimeout(timer);
      controller.abort(over);
    },
  };
}
