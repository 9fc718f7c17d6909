import { ConnectError } from "@connectrpc/connect";
import { toConnectError } from "../../connect-error.ts";
import { TaskError } from "../../errors.ts";
import { noteLimit } from "../../limit-refusals.ts";
import { resolveLimits } from "../../limits.ts";
import { createListener, type Listener, type ListenerOptions } from "../listen.ts";
import { takeGrpcStreams } from "./take-streams.ts";

const maxPort = 65_535;

/**
 * Makes a port that speaks gRPC alone, in binary, with `@grpc/grpc-js` between HTTP/2 and the services: less work for each call than on
 * the port that speaks everything, to the same effect.
 *
 * It is a listener like that one, with the same limits on connections and streams; only what is a stream of gRPC goes another way. Of all
 * else it answers /healthz.
 */
export function createGrpcDoor(options: ListenerOptions): Listener {
  if (!Number.isInteger(options.port) || options.port < 0 || options.port > maxPort)
    throw new TaskError("VALUE_INVALID", `grpcPort must be a whole number from 0 to ${maxPort}`);
  const { cors, webhooks, fallback, ...rest } = options;
  const { routes, interceptors, authenticate, admit, onRefused, report, newId } = options;
  const { onLimit = () => {} } = options;
  const limits = resolveLimits(options.limits);
  const convertError = (error: unknown) => {
    // What was thrown further in has been counted there.
    if (error instanceof ConnectError) noteLimit(error, onLimit);
    return toConnectError(error, report, newId);
  };
  return createListener({
    ...rest,
    routes: () => {},
    takeStreams: (others) =>
      takeGrpcStreams(
        {
          ...{ routes, interceptors, limits, onLimit, convertError },
          ...(authenticate && { authenticate }),
          ...(admit && { admit }),
          ...(onRefused && { onRefused }),
        },
        others,
      ),
  });
}
