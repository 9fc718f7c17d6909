import { createServer, type Server, type Socket } from "node:net";

/** How long a new connection may take to show which protocol it speaks. */
const firstBytesTimeout = 10_000;
/** How many connections above the greatest number are still told so. Those beyond are only closed. */
const refusalMargin = 100;

/** The first bytes of HTTP/2 (RFC 9113, 3.4). No method of HTTP/1.1 begins with the first three. */
const http2Preface = Buffer.from("PRI");
/** Empty settings, then GOAWAY with ENHANCE_YOUR_CALM: no stream was begun, so every call may be tried again. */
const http2Refusal = Buffer.from("000000040000000000" + "000008070000000000" + "000000000000000b", "hex");
const http1Refusal = Buffer.from(
  "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
);

export interface ConnectionDoor {
  /** Accepts the connections. */
  server: Server;
  /** Accepts no more connections, and closes those that have not shown which protocol they speak. */
  close(): void;
  /** Cuts every connection off. */
  destroy(): void;
}

/**
 * Makes a server that accepts connections and hands each to the server of the protocol that its first bytes speak.
 *
 * Takes no more than `maxConnections`: one more is told to try later, in its own protocol.
 */
export function createConnectionDoor(http1: Server, http2: Server, maxConnections: number): ConnectionDoor {
  const sockets = new Set<Socket>();
  const undecided = new Set<Socket>();
  // Half-open, so that a caller of HTTP/1.1 may end its sending with its request.
  const server = createServer(
    { noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000, allowHalfOpen: true },
    (socket) => {
      const isOneTooMany = sockets.size >= maxConnections;
      sockets.add(socket);
      undecided.add(socket);
      socket.once("close", () => {
        sockets.delete(socket);
        undecided.delete(socket);
      });
      awaitProtocol(socket, (protocol) => {
        undecided.delete(socket);
        if (isOneTooMany) {
          socket.end(protocol === "http2" ? http2Refusal : http1Refusal);
          socket.once("finish", () => socket.destroySoon());
          return;
        }
        socket.allowHalfOpen = protocol === "http1";
        (protocol === "http2" ? http2 : http1).emit("connection", socket);
      });
    },
  );
  server.maxConnections = maxConnections + refusalMargin;
  return {
    server,
    close() {
      server.close();
      for (const socket of undecided) socket.destroy();
    },
    destroy() {
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Waits for a connection's first bytes, and puts them back for the server that they are for. */
function awaitProtocol(socket: Socket, onKnown: (protocol: "http1" | "http2") => void): void {
  let seen: Buffer = Buffer.alloc(0);
  // A connection that breaks says so here; that it is over says its "close".
  const ignore = () => {};
  const giveUp = () => socket.destroy();
  const onReadable = () => {
    const bytes: Buffer | null = socket.read();
    if (bytes === null) return;
    seen = seen.length === 0 ? bytes : Buffer.concat([seen, bytes]);
    const compared = Math.min(seen.length, http2Preface.length);
    const isPreface = seen.subarray(0, compared).equals(http2Preface.subarray(0, compared));
    if (isPreface && compared < http2Preface.length) return;
    release();
    socket.unshift(seen);
    onKnown(isPreface ? "http2" : "http1");
  };
  const release = () => {
    socket.off("readable", onReadable);
    socket.off("error", ignore);
    socket.off("end", giveUp);
    socket.setTimeout(0);
    socket.off("timeout", giveUp);
  };
  socket.on("readable", onReadable);
  socket.on("error", ignore);
  socket.on("end", giveUp);
  socket.setTimeout(firstBytesTimeout, giveUp);
}
