import {
  type Attributes,
  type Context,
  context,
  type Link,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import { contextOf, originOf, spanContextOf, type TraceText } from "./trace-context.ts";

/** Gives spans nothing to do until an SDK is registered, whenever that is. */
const tracer = trace.getTracer("pigeonhole");

export interface NewSpan {
  name: string;
  kind: SpanKind;
  /** The stored context that it is a child of. Absent: it begins a trace. */
  parent: TraceText | undefined;
  attributes?: Attributes;
  /** Stored contexts that it has to do with besides. */
  links?: readonly (TraceText | undefined)[];
}

/** Begins a span. It is to be ended, by `endSpan`. */
export function startSpan({ name, kind, parent, attributes = {}, links = [] }: NewSpan): Span {
  return tracer.startSpan(name, { kind, attributes, links: links.flatMap(linkTo) }, contextOf(parent));
}

/** Runs something with a span as the active one, so that those that it begins are its children, in whatever it awaits too. */
export function within<T>(span: Span, run: () => T): T {
  // Nothing records and nothing is to be passed on: the rest costs nothing.
  if (!span.isRecording() && originOf(span.spanContext()).trace === undefined) return run();
  return context.with(trace.setSpan(context.active(), span), run);
}

/** Runs something outside of all spans: what a timer does has nothing to do with who happened to set it. */
export function detached<T>(run: () => T): T {
  return context.with(ROOT_CONTEXT, run);
}

/** Ends a span, as failed if there is an error. It tells its kind and not its message, which may repeat what the caller sent. */
export function endSpan(span: Span, error?: string): void {
  if (error !== undefined) {
    span.setAttribute("error.type", error);
    span.setStatus({ code: SpanStatusCode.ERROR });
  }
  span.end();
}

/** Notes that a span has to do with stored contexts, of which it learns only now. */
export function addLinks(span: Span | undefined, texts: readonly (TraceText | undefined)[]): void {
  if (span?.isRecording()) span.addLinks(texts.flatMap(linkTo));
}

/** An event that this process sends on its own: on behalf of a handler, or of a schedule. */
export interface SentEvent {
  id: string;
  taskId?: string;
  /** The agent whose task it goes to. */
  agent?: string | undefined;
}

/**
 * Notes that an event is sent, as a child of what runs now, and gives the field that stores that as its origin. It happens with a turn's
 * commit or not at all; the span tells when it was asked for.
 */
export function sendSpan({ id, taskId, agent }: SentEvent): { trace?: TraceText } {
  const active: Context = context.active();
  const span = tracer.startSpan(
    agent === undefined ? "send" : `send ${agent}`,
    { kind: SpanKind.PRODUCER, attributes: messaging("send", { agent, taskId, eventId: id }) },
    active,
  );
  span.end();
  return originOf(span.spanContext());
}

/** The attributes of a span that has to do with an event (https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/). */
export function messaging(
  operation: "send" | "process",
  {
    agent,
    taskId,
    eventId,
  }: { agent?: string | undefined; taskId?: string | undefined; eventId?: string | undefined },
): Attributes {
  return {
    "messaging.system": "pigeonhole",
    "messaging.operation.type": operation,
    "messaging.operation.name": operation,
    ...(agent !== undefined && { "messaging.destination.name": agent }),
    ...(taskId !== undefined && { "messaging.message.conversation_id": taskId }),
    ...(eventId !== undefined && { "messaging.message.id": eventId }),
  };
}

function linkTo(text: TraceText | undefined): Link[] {
  const span = spanContextOf(text);
  return span === undefined ? [] : [{ context: span }];
}
