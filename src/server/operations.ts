import type { DescService } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import { file_google_rpc_error_details } from "../../gen/google/rpc/error_details_pb.js";
import { file_google_rpc_status } from "../../gen/google/rpc/status_pb.js";
import { ServerReflection } from "../../gen/grpc/reflection/v1/reflection_pb.js";
import { ServerReflection as ServerReflectionAlpha } from "../../gen/grpc/reflection/v1alpha/reflection_pb.js";
import { Health } from "../../gen/health/v1/health_pb.js";
import { createHealthService } from "./health-service.ts";
import { createReflectionServices } from "./reflection-service.ts";

/** The services that a server has besides those that it is for. Whoever can reach it may ask them. */
export const operationServices: readonly DescService[] = [Health, ServerReflection, ServerReflectionAlpha];

/** Registers health and reflection for the services of a server. `draining` and `stopping` are as in HealthOptions. */
export function routeOperations(
  router: ConnectRouter,
  services: readonly DescService[],
  { draining, stopping }: { draining: AbortSignal; stopping: AbortSignal },
): void {
  const names = services.map(({ typeName }) => typeName);
  router.service(Health, createHealthService({ services: names, draining, stopping }));
  const { v1, v1alpha } = createReflectionServices({
    services: [...services, ...operationServices],
    files: [file_google_rpc_error_details, file_google_rpc_status],
    stopping,
  });
  router.service(ServerReflection, v1).service(ServerReflectionAlpha, v1alpha);
}
