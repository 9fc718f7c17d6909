import { type ConnectError, decodeBinaryHeader } from "@connectrpc/connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { Metadata, type StatusObject } from "@grpc/grpc-js";

/** Puts what handlers and interceptors send beside their messages into the form in which grpc-js takes it. */
export function toMetadata(headers: Headers): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of headers) {
    // Those of the protocol grpc-js writes by itself.
    if (isProtocols(name)) continue;
    metadata.add(name, name.endsWith("-bin") ? Buffer.from(decodeBinaryHeader(value)) : value);
  }
  return metadata;
}

/** Puts an error into the form in which grpc-js takes it, with its details and with what it sends beside them. */
export function toStatus(error: ConnectError): StatusObject {
  const trailer = setTrailerStatus(new Headers(), error);
  return { code: Number(error.code), details: error.rawMessage, metadata: toMetadata(trailer) };
}

function isProtocols(name: string): boolean {
  return name === "content-type" || (name.startsWith("grpc-") && name !== "grpc-status-details-bin");
}
