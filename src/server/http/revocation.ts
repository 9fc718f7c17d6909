import type { X509Certificate } from "node:crypto";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { TaskError } from "../errors.ts";
import type { Millis } from "../store/records.ts";
import type { TlsContent } from "./certificates.ts";
import { certificateKey } from "./revoked-certificates.ts";

/** How long a connection has to end what it still has once its client's certificate is revoked, before it is cut off. */
const endingTime: Millis = 1_000;

/** Ends the connections of clients whose certificates are revoked. */
export interface Revocation {
  /** Goes by what the files of TLS hold now. */
  apply(tls: TlsContent): void;
  /** Watches a connection as its handshake is done. Returns whether it may stay. */
  admit(socket: TLSSocket): boolean;
  /**
   * Gives what aborts when the certificate of a connection's client, or one above it, is revoked, with CREDENTIALS_INVALID. Whoever serves the
   * connection ends it then; what goes on for longer than a second is cut off. Undefined where there are no revocation lists.
   */
  signalOf(socket: Socket): AbortSignal | undefined;
}

/** A connection, with the certificates that its client has shown and those that vouch for it, as `certificateKey` names them. */
interface Admitted {
  keys: readonly string[];
  controller: AbortController;
}

export function createRevocation(): Revocation {
  const connections = new Map<TLSSocket, Admitted>();
  const signals = new Map<string, AbortSignal>();
  let current: TlsContent | undefined;
  const isRevoked = (keys: readonly string[]) => keys.some((key) => current?.revoked.has(key));

  function end(socket: TLSSocket, { controller }: Admitted): void {
    if (controller.signal.aborted) return;
    const cutOff = setTimeout(() => socket.destroy(), endingTime).unref();
    socket.once("close", () => clearTimeout(cutOff));
    controller.abort(new TaskError("CREDENTIALS_INVALID", "the client certificate was revoked"));
  }

  return {
    apply(tls) {
      current = tls;
      for (const [socket, admitted] of connections) if (isRevoked(admitted.keys)) end(socket, admitted);
    },
    admit(socket) {
      if (current?.context.crl === undefined) return true;
      const keys = certificatesOf(socket, current.authorities);
      // The file may have changed since the handshake began.
      if (isRevoked(keys)) return false;
      const controller = new AbortController();
      const { signal } = controller;
      const ends = endsOf(socket);
      connections.set(socket, { keys, controller });
      signals.set(ends, signal);
      socket.once("close", () => {
        connections.delete(socket);
        if (signals.get(ends) === signal) signals.delete(ends);
      });
      return true;
    },
    signalOf: (socket) => signals.get(endsOf(socket)),
  };
}

/** Names a connection by the addresses of its ends, which are the same for all that stand for its socket: TLS and HTTP/2 have their own. */
export function endsOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}

function certificatesOf(socket: TLSSocket, authorities: readonly X509Certificate[]): string[] {
  const keys: string[] = [];
  // A client need not show what the server has, and does not where it resumes a session.
  const above = (shown: X509Certificate) =>
    shown.issuerCertificate ?? authorities.find((authority) => shown.checkIssued(authority));
  let certificate = socket.getPeerX509Certificate();
  for (; certificate !== undefined; certificate = above(certificate)) {
    const key = certificateKey(certificate);
    // A root vouches for itself.
    if (keys.includes(key)) break;
    keys.push(key);
  }
  return keys;
}
