import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { createContextKey } from "@connectrpc/connect";
import type { UniversalServerRequest } from "@connectrpc/connect/protocol";
import type { Peer } from "../auth/peer.ts";

/** One connection, for as long as it is open: what its requests have in common. */
export interface Connection {
  /** The address of the other end, which may be a proxy's. */
  address: string;
  /** Who the other end has proved to be, where client certificates are asked for. */
  peer?: Peer;
  /** How many subscriptions are open on it. */
  subscriptions: number;
}

/** A request as it came in: what connect takes, and which connection it came by. */
export interface HttpRequest extends UniversalServerRequest {
  connection?: Connection;
  peer?: Peer;
}

/** Where a call's connection is found by interceptors. Undefined for a call that came another way. */
export const connectionKey = createContextKey<Connection | undefined>(undefined, {
  description: "the connection that a call came by",
});

/**
 * Makes what describes a connection, by its socket or by what stands for that.
 *
 * @internal
 */
export type DescribeConnection = (socket: Socket) => Connection;

/**
 * Describes a connection. TLS has verified the certificate by now, or not let the connection in. `revoked`
 * aborts when it is revoked.
 *
 * @internal Its types are Node's, which those who read the package's declarations need not have.
 */
export function describeConnection(socket: Socket, revoked?: AbortSignal): Connection {
  const connection: Connection = { address: socket.remoteAddress ?? "", subscriptions: 0 };
  const peer = socket instanceof TLSSocket ? peerOf(socket) : undefined;
  if (peer === undefined) return connection;
  return { ...connection, peer: { ...peer, ...(revoked && { revoked }) } };
}

function peerOf(socket: TLSSocket): Peer | undefined {
  const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined;
  if (certificate === undefined) return undefined;
  const { subject, subjectAltName, fingerprint256, validToDate } = certificate;
  return {
    certificate: {
      subject: subject ?? "",
      sans: splitNames(subjectAltName ?? ""),
      fingerprint256,
      expireTime: validToDate.getTime(),
    },
  };
}

/** Splits what Node writes as `DNS:a, URI:"b, c"`: a name that could be taken for several is quoted as in JSON. */
function splitNames(text: string): string[] {
  return [...text.matchAll(/([A-Za-z ]{1,32}:)("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/g)].map(
    ([, kind = "", name = ""]) => kind + (name.startsWith('"') ? String(JSON.parse(name)) : name),
  );
}
