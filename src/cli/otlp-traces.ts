import { context, DiagLogLevel, diag, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from "@opentelemetry/resources";
import { BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import type { Logger } from "../server/index.ts";

/** How long the last spans may take to be sent when the server has stopped, in ms. */
const lastExport = 3000;

/**
 * Registers an OpenTelemetry SDK that sends traces to a collector, by OTLP over HTTP. `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` say
 * what the service is called. A collector that is not there costs spans, never anything else. Returns what sends the last of them.
 */
export function registerTraces(endpoint: string, log: Logger): () => Promise<void> {
  const exporter = new OTLPTraceExporter({ url: tracesUrl(endpoint) });
  const named = resourceFromAttributes({ "service.name": "pigeonhole" });
  const provider = new TracerProvider({
    resource: defaultResource()
      .merge(named)
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor({ exporter, exportTimeoutMillis: lastExport })],
  });
  const warn = (message: string) => log.warn("traces cannot be sent", { problem: message.slice(0, 512) });
  const silent = () => {};
  diag.setLogger(
    { error: warn, warn, info: silent, debug: silent, verbose: silent },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(provider);
  return async () => {
    await Promise.race([
      provider.shutdown().catch((error: unknown) => log.warn("the last traces were not sent", { error })),
      new Promise<void>((resolve) => setTimeout(resolve, lastExport).unref()),
    ]);
  };
}

/** Gives the URL that traces are posted to: below a collector's address, `v1/traces`, as its specification says, if it does not end so. */
export function tracesUrl(endpoint: string): string {
  const url = new URL(endpoint);
  const path = url.pathname.replace(/\/$/, "");
  url.pathname = path.endsWith("/v1/traces") ? path : `${path}/v1/traces`;
  return url.href;
}
