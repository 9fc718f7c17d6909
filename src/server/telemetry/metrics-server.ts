import { once } from "node:events";
import { createServer } from "node:http";
import type { PrometheusMeter } from "./prometheus.ts";

export interface MetricsServerOptions {
  host: string;
  /** 0 for any that is free. */
  port: number;
  /** Whether it may be asked by a host's name. */
  hasHost: (host: string) => boolean;
  source: Pick<PrometheusMeter, "text" | "contentType">;
}

/** A port that tells figures at `/metrics` and does nothing else. */
export interface MetricsServer {
  readonly port: number;
  /** Closes at once, whoever is connected. */
  close(): Promise<void>;
}

/** How many may be connected at once: a Prometheus or two. */
const maxConnections = 32;

/** Opens it. Rejects if the address cannot be had. */
export async function openMetricsServer({
  host,
  port,
  hasHost,
  source,
}: MetricsServerOptions): Promise<MetricsServer> {
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 10_000 }, (request, response) => {
    const { method = "", url = "", headers } = request;
    request.resume();
    const answer = (status: number, type: string, body: string) => {
      const bytes = Buffer.from(body);
      response.writeHead(status, { "content-type": type, "content-length": bytes.length });
      response.end(method === "HEAD" ? undefined : bytes);
    };
    if (headers.host !== undefined && !hasHost(headers.host))
      return answer(403, "text/plain", "no such host: --allow-host (allowedHosts) adds names\n");
    if (url.split("?", 1)[0] !== "/metrics") return answer(404, "text/plain", "metrics are at /metrics\n");
    if (method !== "GET" && method !== "HEAD") return answer(405, "text/plain", "GET only\n");
    source.text().then(
      (text) => answer(200, source.contentType, text),
      () => answer(500, "text/plain", "the metrics cannot be told\n"),
    );
  });
  server.maxConnections = maxConnections;
  server.listen({ host, port });
  await once(server, "listening");
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : port,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
