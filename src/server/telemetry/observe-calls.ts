import type { DescMethod } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  type ContextValues,
  createContextKey,
  type Interceptor,
  type StreamRequest,
  type UnaryRequest,
} from "@connectrpc/connect";
import { type Span, SpanKind } from "@opentelemetry/api";
import type { Logger } from "../agent.ts";
import { type Reason, TaskError } from "../errors.ts";
import { limitOf } from "../limit-refusals.ts";
import { watchStream } from "../watch-stream.ts";
import type { Meter } from "./meter.ts";
import { endSpan, startSpan, within } from "./spans.ts";
import { traceOfHeaders } from "./trace-context.ts";

/** The codes' names in google.rpc, as in `NOT_FOUND`, for the labels of metrics and the fields of the log. */
const codeNames = new Map<Code, string>(
  Object.entries(Code).flatMap(([name, code]) =>
    typeof code === "number" ? [[code, name.replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase()]] : [],
  ),
).set(Code.Canceled, "CANCELLED");

/** The limits that only the core knows, by the reasons that it gives. All others are noted where they are kept. */
const limits = new Map<Reason | undefined, string>([
  ["FAN_OUT_EXCEEDED", "fan_out"],
  ["LIMIT_REACHED", "resources"],
]);

/** Whether a call has come to the observer. */
const observedKey = createContextKey(false, { description: "whether the call is observed" });

/** Observes calls: those that come to the interceptors, and those that are refused before. */
export interface CallObserver {
  interceptor: Interceptor;
  /** Is told of every error that is answered by what stands before the interceptors. */
  onRefused(method: DescMethod, error: ConnectError, values: ContextValues | undefined): void;
}

/**
 * Observes each call: its span, a child of what the caller's `traceparent` names; its duration and its code; a line in the log, of level
 * debug. The interceptor is to be around the one that makes the errors, so that it sees the code that goes over the wire. Of a call that
 * is refused before, on which nothing is to be spent, there is no span, and its duration says nothing of how long calls take.
 */
export function createCallObserver(meter: Meter, log: Logger): CallObserver {
  const interceptor: Interceptor = (next) => async (request) => {
    const { service, method } = request;
    request.contextValues.set(observedKey, true);
    const streams = request.stream;
    const span = startSpan({
      name: `${service.typeName}/${method.name}`,
      kind: SpanKind.SERVER,
      parent: traceOfHeaders(request.header),
    });
    const stop = meter.call({ service: service.typeName, method: method.name, streams });
    const end = (error?: unknown) => {
      const code = codeOf(error);
      stop(code);
      const cause = causeOf(error);
      const limit = limitOf(cause) === undefined ? limits.get(cause?.reason) : undefined;
      if (limit !== undefined) meter.limitRefused(limit);
      log.debug?.("a call has ended", { rpc: `${service.typeName}/${method.name}`, code, ...idsOf(request) });
      describe(span, request, code);
      endSpan(span, error === undefined ? undefined : code);
    };
    try {
      const response = await within(span, () => next(request));
      if (response.stream)
        return { ...response, message: watchStream(response.message, ({ error }) => end(error)) };
      end();
      return response;
    } catch (error) {
      end(error);
      throw error;
    }
  };
  return {
    interceptor,
    onRefused({ parent, name }, error, values) {
      if (values?.get(observedKey) === true) return;
      // One that is refused may fail again, on its way out.
      values?.set(observedKey, true);
      const code = codeOf(error);
      meter.callRefused({ service: parent.typeName, method: name, code });
      log.debug?.("a call was refused", { rpc: `${parent.typeName}/${name}`, code });
    },
  };
}

function describe(span: Span, request: UnaryRequest | StreamRequest, code: string): void {
  if (!span.isRecording()) return;
  const { service, method, header } = request;
  const { taskId } = idsOf(request);
  const isGrpc = header.get("content-type")?.startsWith("application/grpc") === true;
  span.setAttributes({
    "rpc.system": isGrpc ? "grpc" : "connect_rpc",
    "rpc.service": service.typeName,
    "rpc.method": method.name,
    "rpc.response.status_code": code,
    ...(taskId !== undefined && { "pigeonhole.task.id": taskId }),
  });
}

/** The ids in a request, which say what it is about and nothing of what it says. */
function idsOf({ stream, message }: UnaryRequest | StreamRequest): { taskId?: string; requestId?: string } {
  return stream ? {} : { ...textAt(message, "taskId"), ...textAt(message, "requestId") };
}

function textAt(message: object, key: "taskId" | "requestId") {
  const value: unknown = key in message ? Reflect.get(message, key) : undefined;
  return typeof value === "string" && value !== "" ? { [key]: value } : {};
}

/** An error that goes over the wire has for its cause the one that it was made of. */
function causeOf(error: unknown): TaskError | undefined {
  return error instanceof ConnectError && error.cause instanceof TaskError ? error.cause : undefined;
}

/** A call that fails does so with an error that goes over the wire. */
function codeOf(error: unknown): string {
  if (error === undefined) return "OK";
  const code = error instanceof ConnectError ? error.code : Code.Unknown;
  return codeNames.get(code) ?? "UNKNOWN";
}
