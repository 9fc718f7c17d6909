import type { DescMethod } from "@bufbuild/protobuf";
import { Code, type ConnectError, type ContextValues } from "@connectrpc/connect";
import type {
  UniversalHandler,
  UniversalHandlerFn,
  UniversalServerRequest,
} from "@connectrpc/connect/protocol";
import { hasErrorInfo } from "../connect-error.ts";
import { TaskError } from "../errors.ts";
import { type Amend, wireFormatOf } from "./wire-format.ts";

/** Turns whatever was thrown into an error with an ErrorInfo. */
export type ConvertError = (error: unknown) => ConnectError;

/** Is told of a call that is answered with an error by what stands before, or around, its interceptors. It is quick, and throws nothing. */
export type OnRefused = (method: DescMethod, error: ConnectError, values: ContextValues | undefined) => void;

/** Turns what a call of a method is refused with into the error that is answered, and tells of it. */
export type ConvertRefusal = (
  error: unknown,
  method: DescMethod,
  call: { contextValues?: ContextValues | undefined },
) => ConnectError;

/** Makes what turns the errors of calls into those that are answered, and tells of each. */
export function tellRefused(convert: ConvertError, onRefused: OnRefused = () => {}): ConvertRefusal {
  return (error, method, { contextValues }) => {
    const converted = convert(error);
    onRefused(method, converted, contextValues);
    return converted;
  };
}

/**
 * Sees to it that the errors that connect makes on its own, before any interceptor is asked, carry an ErrorInfo too, and
 * the code that goes with it: a request that cannot be parsed or decompressed, is too large, is of an HTTP method or a
 * media type that its RPC does not speak.
 */
export function withErrorInfo(handler: UniversalHandler, convertRefusal: ConvertRefusal): UniversalHandlerFn {
  return async (request) => {
    const convert = (error: unknown) => convertRefusal(error, handler.method, request);
    const format = wireFormatOf(request);
    const amend: Amend = (error) => (hasErrorInfo(error) ? undefined : convert(asSent(error, request)));
    try {
      const response = await handler(request);
      if (response.body !== undefined) return await format.amend(response, amend);
      const refusal = format.refuse(convert(notSpoken(handler, request)), response.status);
      if (response.status === 405)
        refusal.header?.set("allow", [...new Set(handler.allowedMethods)].join(", "));
      return refusal;
    } catch (error) {
      return format.refuse(convert(asThrown(error)));
    }
  };
}

/** Connect decodes base64 in a query outside of what it takes for the caller's fault. */
function asSent(error: ConnectError, request: UniversalServerRequest): unknown {
  return request.method === "GET" && error.code === Code.Internal && error.rawMessage === "internal error"
    ? new TaskError("REQUEST_MALFORMED", "the message in the query is not valid base64")
    : error;
}

/** Connect fails to put a message into a header of gRPC that repeats a lone surrogate, which only a request can bring. */
function asThrown(error: unknown): unknown {
  if (!(error instanceof URIError)) return error;
  return new TaskError("REQUEST_MALFORMED", "the request has a name that is not well-formed Unicode");
}

function notSpoken({ method }: UniversalHandler, request: UniversalServerRequest): TaskError {
  const contentType = request.header.get("content-type");
  const kind =
    contentType === null ? "without a Content-Type" : `with Content-Type ${JSON.stringify(contentType)}`;
  return new TaskError("METHOD_UNKNOWN", `${method.name} does not take HTTP ${request.method} ${kind}`);
}
