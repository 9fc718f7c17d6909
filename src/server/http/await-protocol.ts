import type { Socket } from "node:net";

export type HttpProtocol = "http1" | "http2";

/** The first bytes of HTTP/2 (RFC 9113, 3.4). No method of HTTP/1.1 begins with the first three. */
const http2Preface = Buffer.from("PRI");

export interface FirstBytes {
  /** How long they may take, in ms. The connection is closed after that. */
  timeout: number;
  onTimeout(): void;
}

/** Waits for a connection's first bytes, and puts them back for the server that they are for. */
export function awaitProtocol(
  socket: Socket,
  { timeout, onTimeout }: FirstBytes,
  onKnown: (protocol: HttpProtocol) => void,
): void {
  let seen: Buffer = Buffer.alloc(0);
  // A connection that breaks says so here; that it is over says its "close".
  const ignore = () => {};
  const giveUp = () => socket.destroy();
  let known = false;
  const onLate = () => {
    // Timers come before what is to be read: the bytes may be there, and the process was held up.
    setImmediate(() => {
      if (known || socket.destroyed) return;
      onTimeout();
      giveUp();
    });
  };
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
    known = true;
    socket.off("readable", onReadable);
    socket.off("error", ignore);
    socket.off("end", giveUp);
    socket.setTimeout(0);
    socket.off("timeout", onLate);
  };
  socket.on("readable", onReadable);
  socket.on("error", ignore);
  socket.on("end", giveUp);
  socket.setTimeout(timeout, onLate);
}
