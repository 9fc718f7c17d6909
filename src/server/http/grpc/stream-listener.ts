import { EventEmitter } from "node:events";
import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { type Server, ServerCredentials } from "@grpc/grpc-js";

/**
 * Gives the function with which a server of grpc-js takes a stream of HTTP/2.
 *
 * grpc-js listens itself, or is given connections, and in both cases makes an HTTP/2 server of its own, whose limits cannot be set. The
 * door has the one with Pigeonhole's limits, and takes of grpc-js's no more than what it does with a stream. There is no public way to
 * ask for that; a version that keeps it elsewhere is refused when the server starts.
 */
export function streamListener(
  server: Server,
): (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void {
  server.createConnectionInjector(ServerCredentials.createInsecure());
  const servers: unknown = Reflect.get(server, "http2Servers");
  const [http2]: unknown[] = servers instanceof Map ? [...servers.keys()] : [];
  const [listener] = http2 instanceof EventEmitter ? http2.listeners("stream") : [];
  if (listener === undefined) throw new Error("this version of @grpc/grpc-js has its streams elsewhere");
  return (stream, headers) => void listener(stream, headers);
}
