import { type ClientHttp2Session, connect } from "node:http2";

/** What a call ended with that did not end OK. */
export class GrpcError extends Error {
  readonly status: string;
  constructor(path: string, status: string, message: string) {
    super(`${path} ended with grpc-status ${status}: ${message}`);
    this.status = status;
  }
}

/**
 * A gRPC client with as little work of its own as can be: it shares two cores with the server that it measures.
 * Its messages are encoded bytes; a call rejects unless the server ends it with `grpc-status: 0`.
 */
export interface GrpcClient {
  /** Sends a request and waits until the response has ended. Hands over each message, unless nobody asks for them. */
  call(
    path: string,
    request: Uint8Array,
    onMessage?: (message: Buffer) => void,
    signal?: AbortSignal,
  ): Promise<void>;
  /** Sends a request and waits for its one message. */
  unary(path: string, request: Uint8Array): Promise<Buffer>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Opens one HTTP/2 connection. `headers` go with each call. */
export async function grpcClient(url: string, headers: Record<string, string> = {}): Promise<GrpcClient> {
  const session = connect(url, { settings: { initialWindowSize: 1 << 24 } });
  session.setMaxListeners(0);
  await opened(session);
  session.setLocalWindowSize(1 << 28);
  const common = { ":method": "POST", "content-type": "application/grpc", te: "trailers", ...headers };

  const call: GrpcClient["call"] = (path, request, onMessage, signal) =>
    new Promise<void>((resolve, reject) => {
      const stream = session.request({ ...common, ":path": path }, signal ? { signal } : {});
      let rest: Buffer = Buffer.alloc(0);
      let status: unknown;
      let message: unknown;
      stream.on("response", (head) => {
        status = head["grpc-status"];
        message = head["grpc-message"] ?? `HTTP status ${head[":status"]}`;
      });
      stream.on("trailers", (trailers) => {
        status = trailers["grpc-status"];
        message = trailers["grpc-message"];
      });
      stream.on("data", (chunk: Buffer) => {
        if (onMessage) rest = messages(rest.length ? Buffer.concat([rest, chunk]) : chunk, onMessage);
      });
      stream.on("error", reject);
      stream.on("close", () => {
        if (String(status) === "0") resolve();
        else reject(new GrpcError(path, String(status), decodeURIComponent(String(message))));
      });
      stream.end(envelope(request));
    });

  return {
    call,
    async unary(path, request) {
      let answer: Buffer | undefined;
      await call(path, request, (message) => {
        answer = message;
      });
      if (!answer) throw new Error(`${path} answered without a message`);
      return answer;
    },
    async [Symbol.asyncDispose]() {
      if (session.closed) return;
      const closed = new Promise((resolve) => session.once("close", resolve));
      session.close();
      await closed;
    },
  };
}

/** Puts the five bytes of gRPC before a message: not compressed, and its length. */
export function envelope(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(5 + message.length);
  framed.writeUInt8(0, 0);
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, 5);
  return framed;
}

/** Hands over the whole messages of a buffer, and returns what is left of it. */
function messages(buffer: Buffer, onMessage: (message: Buffer) => void): Buffer {
  let at = 0;
  while (buffer.length - at >= 5) {
    const end = at + 5 + buffer.readUInt32BE(at + 1);
    if (end > buffer.length) break;
    onMessage(buffer.subarray(at + 5, end));
    at = end;
  }
  return buffer.subarray(at);
}

function opened(session: ClientHttp2Session): Promise<void> {
  return new Promise((resolve, reject) => {
    session.once("connect", () => resolve());
    session.once("error", reject);
  });
}
