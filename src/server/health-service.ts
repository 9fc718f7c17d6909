import type { ServiceImpl } from "@connectrpc/connect";
import { type Health, HealthCheckResponse_ServingStatus as Status } from "../../gen/health/v1/health_pb.js";
import { serverStopping, TaskError } from "./errors.ts";
import { linkSignals } from "./link-signals.ts";

export interface HealthOptions {
  /** The names of the services that it knows. The server as a whole is the empty name. */
  services: readonly string[];
  /** Aborts when the server begins to drain. */
  draining: AbortSignal;
  /** Aborts when it ends what streams without an end. */
  stopping: AbortSignal;
}

/**
 * Makes `grpc.health.v1.Health` (https://github.com/grpc/grpc/blob/master/doc/health-checking.md).
 *
 * Every service is SERVING until the server drains, and NOT_SERVING from then on, whatever it still answers; a store that fails shows in
 * `/readyz`, because it is nothing that another server would make good. Check rejects with SERVICE_NOT_FOUND; Watch tells SERVICE_UNKNOWN,
 * and ends when the server stops.
 */
export function createHealthService(options: HealthOptions): ServiceImpl<typeof Health> {
  const { draining, stopping } = options;
  const services = ["", ...options.services];
  const status = () => (draining.aborted ? Status.NOT_SERVING : Status.SERVING);
  return {
    check({ service }) {
      if (services.includes(service)) return { status: status() };
      throw new TaskError(
        "SERVICE_NOT_FOUND",
        `there is no service ${JSON.stringify(service.slice(0, 256))}`,
        {
          resource: { type: "service", name: service.slice(0, 256) },
        },
      );
    },
    async *watch({ service }, { signal }) {
      const isKnown = services.includes(service);
      yield { status: isKnown ? status() : Status.SERVICE_UNKNOWN };
      if (isKnown && !draining.aborted) {
        await untilOneAborts(draining, signal);
        if (signal.aborted) return;
        yield { status: status() };
      }
      await untilOneAborts(stopping, signal);
      if (!signal.aborted) throw serverStopping();
    },
    list: () => ({
      statuses: Object.fromEntries(services.map((service) => [service, { status: status() }])),
    }),
  };
}

async function untilOneAborts(...signals: AbortSignal[]): Promise<void> {
  const linked = linkSignals(...signals);
  if (linked.signal.aborted) return;
  try {
    await new Promise<void>((resolve) => linked.signal.addEventListener("abort", () => resolve()));
  } finally {
    linked.release();
  }
}
