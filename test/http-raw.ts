import { once } from "node:events";
import * as net from "node:net";
import type { Address } from "../src/server/http/index.ts";

/** What a connection of HTTP/2 begins with: its preface. */
export const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** The types of HTTP/2's frames that are sent here (RFC 9113, 6). */
export const frameTypes = { headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7, continuation: 9 } as const;

/** Makes a frame of HTTP/2. */
export function frame(type: number, flags = 0, streamId = 0, payload = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, payload]);
}

/** The headers of `GET /healthz`, without Huffman and without a table (RFC 7541). */
export const healthHeaders = Buffer.concat([
  Buffer.from([0x82, 0x86, 0x04, 8]),
  Buffer.from("/healthz"),
  Buffer.from([0x01, 1]),
  Buffer.from("x"),
]);

/** The headers of a call, without Huffman and without a table, as those above. */
export function headersOfCall(path: string, contentType: string): Buffer<ArrayBuffer> {
  const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
  // POST, http, :path, :authority, content-type.
  return Buffer.concat([
    Buffer.from([0x83, 0x86, 0x04]),
    text(path),
    Buffer.from([0x01]),
    text("x"),
    Buffer.from([0x0f, 0x10]),
    text(contentType),
  ]);
}

/** A connection on which anything may be sent. What comes is read all the time. */
export interface RawConnection {
  write(bytes: Buffer | string): void;
  /** Resolves with all that came, when the server has closed the connection. */
  readonly closed: Promise<Buffer>;
  destroy(): void;
}

export async function connectRaw({ port }: Pick<Address, "port">): Promise<RawConnection> {
  const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  await once(socket, "connect");
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(Buffer.from(chunk)));
  // What the server cuts off while more is sent breaks.
  socket.on("error", () => {});
  socket.on("end", () => socket.destroy());
  const closed = new Promise<Buffer>((resolve) => socket.once("close", () => resolve(Buffer.concat(chunks))));
  return {
    write: (bytes) => void socket.write(Buffer.from(bytes)),
    closed,
    destroy: () => socket.destroy(),
  };
}

/** Finds the error code of the GOAWAY among frames that came. */
export function goAwayCode(bytes: Buffer): number | undefined {
  for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) {
    if (bytes[at + 3] === frameTypes.goAway && at + 17 <= bytes.length) return bytes.readUInt32BE(at + 13);
  }
  return undefined;
}
