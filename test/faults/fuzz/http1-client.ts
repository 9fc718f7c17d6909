import { connect } from "node:net";
import type { RawResponse } from "../../http-rig.ts";

/** Writes a request of HTTP/1.1 as it is sent. */
export function http1Bytes(
  path: string,
  headers: Record<string, string>,
  body: Uint8Array,
  method = "POST",
): Buffer {
  const lines = Object.entries({ host: "localhost", "content-length": body.length, ...headers });
  const head = `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
  return Buffer.concat([Buffer.from(head, "latin1"), body]);
}

/** What came back over a connection: the answers in their order, and whether the rest was no HTTP. */
export interface Exchange {
  answers: RawResponse[];
  rest: Buffer;
}

/**
 * Sends bytes over a connection and gives the answers that came back, until there are `expected` of them or the connection is closed.
 * What has not come after `timeout` ms is not waited for.
 */
export function exchange(
  port: number,
  bytes: readonly Uint8Array[],
  { expected, timeout = 60_000 }: { expected: number; timeout?: number },
): Promise<Exchange> {
  const { promise, resolve } = Promise.withResolvers<Exchange>();
  const answers: RawResponse[] = [];
  let rest: Buffer = Buffer.alloc(0);
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  function finish(): void {
    clearTimeout(timer);
    socket.destroy();
    resolve({ answers, rest });
  }
  const timer = setTimeout(finish, timeout);
  socket.on("data", (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (let found = parse(rest); found !== undefined; found = parse(rest)) {
      rest = rest.subarray(found.length);
      if (found.answer.status >= 200) answers.push(found.answer);
    }
    if (answers.length >= expected) finish();
  });
  socket.on("end", finish);
  // A server that refuses need not read to the end.
  socket.on("error", finish);
  socket.on("close", finish);
  for (const piece of bytes) socket.write(piece);
  return promise;
}

/** Takes an answer off the front of what came, if it is there as a whole. */
function parse(bytes: Buffer): { answer: RawResponse; length: number } | undefined {
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd === -1) return undefined;
  const [first = "", ...lines] = bytes.toString("latin1", 0, headEnd).split("\r\n");
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1]);
  if (Number.isNaN(status)) throw new Error(`no status line: ${first.slice(0, 100)}`);
  const headers = new Headers(
    lines.map((line): [string, string] => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon), line.slice(colon + 1).trim()];
    }),
  );
  const start = headEnd + 4;
  const whole = (body: Buffer, end: number) => ({
    answer: { status, headers, body, trailers: new Headers() },
    length: end,
  });
  if (headers.get("transfer-encoding") === "chunked") {
    const chunks: Buffer[] = [];
    for (let at = start; ; ) {
      const line = bytes.indexOf("\r\n", at);
      if (line === -1) return undefined;
      const size = Number.parseInt(bytes.toString("latin1", at, line), 16);
      if (size === 0) {
        const end = bytes.indexOf("\r\n\r\n", line);
        return end === -1 ? undefined : whole(Buffer.concat(chunks), end + 4);
      }
      if (bytes.length < line + 4 + size) return undefined;
      chunks.push(bytes.subarray(line + 2, line + 2 + size));
      at = line + 4 + size;
    }
  }
  const length =
    status < 200 || status === 204 || status === 304 ? 0 : Number(headers.get("content-length") ?? 0);
  return bytes.length < start + length
    ? undefined
    : whole(bytes.subarray(start, start + length), start + length);
}
