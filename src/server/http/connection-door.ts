import { randomBytes } from "node:crypto";
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type SecureContextOptions, type TLSSocket } from "node:tls";
import type { OnLimit } from "../limits.ts";
import { awaitProtocol, type HttpProtocol } from "./await-protocol.ts";
import type { TlsContent } from "./certificates.ts";
import { endsOf, type Revocation } from "./revocation.ts";

/** How many connections above the greatest number are still told so. Those beyond are only closed. */
const refusalMargin = 100;

/** Empty settings, then GOAWAY with ENHANCE_YOUR_CALM: no stream was begun, so every call may be tried again. */
const http2Refusal = Buffer.from("000000040000000000" + "000008070000000000" + "000000000000000b", "hex");
const http1Refusal = Buffer.from(
  "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
);

export interface DoorOptions {
  /** The most connections. One more is told to try later, in its own protocol. */
  maxConnections: number;
  /** How long a new connection may take to show which protocol it speaks, in ms. */
  headersTimeout: number;
  onLimit: OnLimit;
  /** The certificates. Without, connections are taken without TLS; with them, only with it. */
  tls?: TlsContent | undefined;
  /** Ends those whose client's certificate is revoked. */
  revocation: Revocation;
}

export interface ConnectionDoor {
  /** Accepts the connections. */
  server: Server;
  /** Uses other certificates for the connections to come, and ends those whose client's certificate was revoked. */
  setCertificates(tls: TlsContent): void;
  /** Accepts no more connections, and closes those that have not shown which protocol they speak. */
  close(): void;
  /** Cuts every connection off. */
  destroy(): void;
}

/**
 * Makes a server that accepts connections and hands each to the server of the protocol that it speaks: by what was agreed in its TLS
 * handshake, or else by its first bytes.
 */
export function createConnectionDoor(http1: Server, http2: Server, options: DoorOptions): ConnectionDoor {
  const { maxConnections, headersTimeout, onLimit, tls, revocation } = options;
  const sockets = new Set<Socket>();
  /** By the address of their other end, by which the socket of TLS finds the one that it is made of. */
  const undecided = new Map<string, Socket>();
  if (tls !== undefined) revocation.apply(tls);
  const onTimeout = () => onLimit("headers_timeout");

  function track(socket: Socket): void {
    const end = endsOf(socket);
    sockets.add(socket);
    undecided.set(end, socket);
    socket.once("close", () => {
      sockets.delete(socket);
      if (undecided.get(end) === socket) undecided.delete(end);
    });
  }
  function hand(socket: Socket, protocol: HttpProtocol): void {
    undecided.delete(endsOf(socket));
    if (sockets.size > maxConnections) {
      onLimit("connections");
      // One that breaks before it has heard so is no error of anybody's.
      socket.on("error", () => {});
      socket.end(protocol === "http2" ? http2Refusal : http1Refusal);
      socket.once("finish", () => socket.destroySoon());
      return;
    }
    socket.allowHalfOpen = protocol === "http1";
    (protocol === "http2" ? http2 : http1).emit("connection", socket);
  }

  // Half-open, so that a caller of HTTP/1.1 may end its sending with its request.
  const shared = { noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000, allowHalfOpen: true };
  const secured =
    tls && createTlsServer({ ...shared, ...tlsOptions(tls.context), handshakeTimeout: headersTimeout });
  const server = secured ?? createServer(shared);
  server.on("connection", (socket: Socket) => {
    track(socket);
    if (secured !== undefined) return;
    awaitProtocol(socket, { timeout: headersTimeout, onTimeout }, (protocol) => hand(socket, protocol));
  });
  secured?.on("secureConnection", (socket: TLSSocket) => {
    if (revocation.admit(socket)) hand(socket, socket.alpnProtocol === "h2" ? "http2" : "http1");
    else socket.destroy();
  });
  secured?.on("tlsClientError", (error: Error & { code?: string }, socket: TLSSocket) => {
    if (error.code !== "ERR_TLS_HANDSHAKE_TIMEOUT") return;
    onTimeout();
    // Node leaves that to whoever listens.
    socket.destroy();
  });
  server.on("drop", () => onLimit("connections"));
  server.maxConnections = maxConnections + refusalMargin;
  return {
    server,
    setCertificates(content) {
      // First: whatever of the rest cannot be used, those whose certificates are revoked are to go.
      revocation.apply(content);
      secured?.setSecureContext(tlsOptions(content.context));
      // A session that is resumed is not verified again: what another CA has let in must not outlive it.
      secured?.setTicketKeys(randomBytes(48));
    },
    close() {
      server.close();
      for (const socket of undecided.values()) socket.destroy();
    },
    destroy() {
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** What TLS is agreed on. Where there is a CA for clients, one without a certificate of it is not let in. */
function tlsOptions(context: SecureContextOptions) {
  const isMutual = context.ca !== undefined;
  return {
    ...context,
    minVersion: "TLSv1.2",
    ALPNProtocols: ["h2", "http/1.1"],
    requestCert: isMutual,
    rejectUnauthorized: isMutual,
  } as const;
}
