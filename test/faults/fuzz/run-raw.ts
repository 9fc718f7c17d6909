import { connect } from "node:net";
import { type FuzzedServer, secretFile } from "./fuzzed-server.ts";
import { hostileHttp1 } from "./http1-hostile.ts";
import { floods, frame, hostileHttp2, preface } from "./http2-hostile.ts";
import { createSource } from "./values.ts";

/** How many connections there are at once. */
const connections = 16;
/** How long a connection may take that its sender has ended. */
const timeout = 30_000;

interface Range {
  first: number;
  count: number;
}

/** Sends bytes that are about HTTP/1.1, one connection for each seed. No answer is the server's own failure, or tells what nobody may read. */
export async function fuzzHttp1({ port }: FuzzedServer, range: Range): Promise<void> {
  await forEach(range, async (seed) => {
    const bytes = hostileHttp1(createSource(seed, new Map()));
    judgeRaw(await talk(port, [bytes]));
  });
}

/** Sends bytes that are about HTTP/2, one connection for each seed. Returns how many frames that were. */
export async function fuzzHttp2({ port }: FuzzedServer, range: Range): Promise<number> {
  let sent = 0;
  await forEach(range, async (seed) => {
    const { bytes, frames } = hostileHttp2(createSource(seed, new Map()));
    sent += frames;
    await talk(port, [bytes]);
  });
  return sent;
}

/** Sends each flood over a connection of its own, one after the other. Returns how many frames that were. */
export async function flood({ port }: FuzzedServer, count: number): Promise<number> {
  for (const make of Object.values(floods)) {
    await talk(port, [preface, frame(4, 0, 0, Buffer.alloc(0)), ...make(count)]);
  }
  return count * Object.keys(floods).length;
}

/** Sends, ends the sending side, and gives what comes back until the server has closed its own. */
async function talk(port: number, bytes: readonly Uint8Array[]): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const chunks: Buffer[] = [];
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true }, () =>
    socket.end(Buffer.concat(bytes)),
  );
  const timer = setTimeout(
    () => reject(new Error(`the connection was not closed within ${timeout} ms`)),
    timeout,
  );
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  // A server that refuses need not read to the end.
  socket.on("error", () => {});
  socket.on("end", resolve);
  socket.on("close", resolve);
  await promise.finally(() => {
    clearTimeout(timer);
    socket.destroy();
  });
  return Buffer.concat(chunks);
}

/** Finds what no answer may be, whatever was asked: the server's own failure, a header of the sender's, a file that is not the console's. */
function judgeRaw(answer: Buffer): void {
  const text = answer.toString("latin1");
  if (/^HTTP\/1\.1 500/m.test(text)) throw new Error(`the server failed: ${text.slice(0, 500)}`);
  if (/^x-injected:/im.test(text)) throw new Error(`a header was injected: ${text.slice(0, 500)}`);
  if (text.includes(secretFile)) throw new Error("a file was told that is not the console's");
}

async function forEach({ first, count }: Range, send: (seed: number) => Promise<void>): Promise<void> {
  let next = first;
  const work = async () => {
    while (next < first + count) {
      const seed = next++;
      await send(seed).catch((cause: unknown) => {
        throw new Error(`seed ${seed}: ${cause instanceof Error ? cause.message : cause}`, { cause });
      });
    }
  };
  await Promise.all(Array.from({ length: connections }, work));
}
