import { connect } from "node:net";
import { type FuzzedServer, secretFile } from "./fuzzed-server.ts";
import { hostileHttp1 } from "./http1-hostile.ts";
import { floods, frame, hostileHttp2, preface } from "./http2-hostile.ts";
import { createSource } from "./values.ts";

/** How many connections there are at once. */
const connections = 16;
/** How long a connection that its sender has ended may be left open by a server that does nothing meanwhile, in ms. */
const patience = 30_000;
/** How much a server that does nothing works in that time at most: it has timers. In ms. */
const idling = 300;
/** How much work a frame of a flood may be, in ms. */
const costliest = 1;

interface Range {
  first: number;
  count: number;
}

/** Sends bytes that are about HTTP/1.1, one connection for each seed. No answer is the server's own failure, or tells what nobody may read. */
export async function fuzzHttp1(server: FuzzedServer, range: Range): Promise<void> {
  await forEach(range, async (seed) => {
    const bytes = hostileHttp1(createSource(seed, new Map()));
    judgeRaw(await talk(server, server.port, [bytes]));
  });
}

/** Sends bytes that are about HTTP/2, one connection for each seed, to either port. Returns how many frames that were. */
export async function fuzzHttp2(server: FuzzedServer, range: Range): Promise<number> {
  let sent = 0;
  await forEach(range, async (seed) => {
    const { bytes, frames } = hostileHttp2(createSource(seed, new Map()));
    sent += frames;
    await talk(server, seed % 2 === 0 ? server.port : server.grpcPort, [bytes]);
  });
  return sent;
}

/**
 * Sends each flood over a connection of its own to each port, one after the other. None is more work than what it sends is worth. Returns how
 * many frames that were.
 */
export async function flood(server: FuzzedServer, count: number): Promise<number> {
  const ports = [server.port, server.grpcPort];
  for (const [name, make] of Object.entries(floods)) {
    for (const port of ports) {
      const before = server.spent();
      await talk(server, port, [preface, frame(4, 0, 0, Buffer.alloc(0)), ...make(count)]);
      const spent = server.spent() - before;
      if (spent > count * costliest) throw new Error(`${count} frames of ${name} took ${spent} ms of work`);
    }
  }
  return count * ports.length * Object.keys(floods).length;
}

/** Sends, ends the sending side, and gives what comes back until the server has closed its own. */
async function talk(server: FuzzedServer, port: number, bytes: readonly Uint8Array[]): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const chunks: Buffer[] = [];
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true }, () =>
    socket.end(Buffer.concat(bytes)),
  );
  // By what the server does, and not by the clock alone: where others keep the machine busy, it has little of it.
  let before = server.spent();
  const timer = setInterval(() => {
    const now = server.spent();
    if (now - before < idling) reject(new Error(`the connection was left open for ${patience} ms`));
    before = now;
  }, patience);
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  // A server that refuses need not read to the end.
  socket.on("error", () => {});
  socket.on("end", resolve);
  socket.on("close", resolve);
  await promise.finally(() => {
    clearInterval(timer);
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
