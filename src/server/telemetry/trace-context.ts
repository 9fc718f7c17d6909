import {
  type Context,
  createTraceState,
  isSpanContextValid,
  ROOT_CONTEXT,
  type SpanContext,
  trace,
} from "@opentelemetry/api";

/**
 * A trace context as it is stored and sent: `traceparent`, and after a blank `tracestate` if there is one
 * (https://www.w3.org/TR/trace-context/).
 */
export type TraceText = string;

/** The most characters that are kept of a `tracestate`: what the specification asks for at least. A longer one is left out whole. */
const maxTraceState = 512;

/** Writes the context of a span. Undefined if it has none, as without an SDK. */
export function traceText(span: SpanContext | undefined): TraceText | undefined {
  if (span === undefined || !isSpanContextValid(span)) return undefined;
  const parent = `00-${span.traceId}-${span.spanId}-${(span.traceFlags & 0xff).toString(16).padStart(2, "0")}`;
  const state = span.traceState?.serialize() ?? "";
  return state === "" || state.length > maxTraceState ? parent : `${parent} ${state}`;
}

/** Gives the field that stores what runs now as the origin of something. Empty outside of all spans. */
export function originOf(span = trace.getActiveSpan()?.spanContext()): { trace?: TraceText } {
  const text = traceText(span);
  return text === undefined ? {} : { trace: text };
}

/** Reads a span's context. Undefined for what is none. */
export function spanContextOf(text: TraceText | undefined): SpanContext | undefined {
  if (text === undefined) return undefined;
  const [, version, traceId, spanId, flags, rest = "", state] =
    /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-\S*)?(?: (.+))?$/.exec(text) ?? [];
  if (version === undefined || traceId === undefined || spanId === undefined || flags === undefined)
    return undefined;
  // A later version may append fields; this one has none, and ff is no version.
  if (version === "ff" || (version === "00" && rest !== "")) return undefined;
  const span: SpanContext = {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16) & 1,
    isRemote: true,
    ...(state !== undefined && { traceState: createTraceState(state) }),
  };
  return isSpanContextValid(span) ? span : undefined;
}

/** Reads the context that a request's headers carry, as in a stored one. */
export function traceOfHeaders(header: Headers): TraceText | undefined {
  const parent = header.get("traceparent");
  if (parent === null) return undefined;
  const state = header.get("tracestate");
  return state === null || state.length > maxTraceState ? parent : `${parent} ${state}`;
}

/** Makes the headers that carry a span's context on. */
export function headersOf(span: SpanContext): { traceparent?: string; tracestate?: string } {
  const text = traceText(span);
  if (text === undefined) return {};
  // Values of a tracestate may have blanks, too.
  const [traceparent = "", ...state] = text.split(" ");
  return { traceparent, ...(state.length > 0 && { tracestate: state.join(" ") }) };
}

/** Makes a context whose spans are children of a stored one, or roots if there is none. */
export function contextOf(text: TraceText | undefined): Context {
  const span = spanContextOf(text);
  return span === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, span);
}
