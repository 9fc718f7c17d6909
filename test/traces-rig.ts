import { context, type Span, type SpanContext, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { createClient, type PigeonholeClient } from "../src/client/index.ts";
import { headersOf } from "../src/server/telemetry/trace-context.ts";

/** What was recorded in this process. */
export interface Recording {
  /** The spans of a trace, as they ended. */
  of(traceId: string): ReadableSpan[];
}

export const tracer = trace.getTracer("test");

/** Registers an SDK that keeps all spans, for as long as this process lives. */
export function recordSpans(): Recording {
  const exporter = new InMemorySpanExporter();
  trace.setGlobalTracerProvider(
    new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }),
  );
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  return {
    of: (traceId) => exporter.getFinishedSpans().filter((span) => span.spanContext().traceId === traceId),
  };
}

/** A client that sends the context of a span with each call. */
export function clientWithin(span: SpanContext, baseUrl: string): PigeonholeClient {
  return createClient({
    baseUrl,
    interceptors: [
      (next) => (request) => {
        for (const [name, value] of Object.entries(headersOf(span))) request.header.set(name, value);
        return next(request);
      },
    ],
  });
}

/** Begins a trace, as a client does. */
export function beginTrace(): { span: Span; traceId: string } {
  const span = tracer.startSpan("client", { root: true });
  return { span, traceId: span.spanContext().traceId };
}

/** Draws spans as a tree, a line each: `client > pigeonhole.v1.TaskService/SendEvent > process parent`. */
export function pathsOf(spans: readonly ReadableSpan[]): string[] {
  const byId = new Map(spans.map((span) => [span.spanContext().spanId, span]));
  const pathOf = (span: ReadableSpan): string => {
    const above = span.parentSpanContext && byId.get(span.parentSpanContext.spanId);
    return above === undefined ? span.name : `${pathOf(above)} > ${span.name}`;
  };
  return spans.map(pathOf).sort();
}
