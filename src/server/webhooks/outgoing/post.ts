import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import type { Clock } from "../../clock.ts";
import type { Millis } from "../../store/records.ts";
import type { Target } from "./address-guard.ts";

/** The most that is read of a response's body, and for how long, before the connection is closed: only the status counts. */
const maxResponseBytes = 4096;
const maxResponseTime: Millis = 750;

export interface Posting {
  target: Target;
  headers: Record<string, string>;
  body: string;
  /** Breaks it off. */
  signal: AbortSignal;
  clock: Pick<Clock, "timer">;
}

/** Posts once: see `post`, which does so over HTTP. */
export type Post = (posting: Posting) => Promise<PostResponse>;

/** How a receiver answered. */
export interface PostResponse {
  status: number;
  /** The Retry-After header. */
  retryAfter?: string;
}

/**
 * Posts once, on a connection of its own to one of the addresses that were checked; the name is not resolved again. Follows no redirect, uses no
 * proxy. Rejects with what went wrong before a status came, or the signal's reason.
 */
export function post({ target, headers, body, signal, clock }: Posting): Promise<PostResponse> {
  const { url, addresses } = target;
  const request = url.protocol === "https:" ? requestHttps : requestHttp;
  const { promise, resolve, reject } = Promise.withResolvers<PostResponse>();
  const sent = request(url, {
    method: "POST",
    headers: { ...headers, "content-length": String(Buffer.byteLength(body)) },
    agent: false,
    lookup: lookupOf(addresses),
    maxHeaderSize: 16_384,
  });
  const onAbort = () => sent.destroy(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  // Once the status has been told, it counts, however the rest of the response ends.
  let told: PostResponse | undefined;
  const end = (error: Error) => (told === undefined ? reject(error) : resolve(told));
  sent.on("error", end);
  sent.on("close", () => end(Object.assign(new Error("there was no response"), { code: "ECONNRESET" })));
  // Nobody asked for one.
  sent.on("upgrade", (_, socket) => socket.destroy());
  sent.on("response", (response) => {
    const { statusCode = 0, headers: found } = response;
    const retryAfter = found["retry-after"];
    told = { status: statusCode, ...(retryAfter !== undefined && { retryAfter }) };
    const finish = () => sent.destroy();
    const stopTimer = clock.timer(maxResponseTime, finish);
    let read = 0;
    response.on("data", (chunk: Buffer) => {
      read += chunk.length;
      if (read >= maxResponseBytes) finish();
    });
    response.on("error", () => {});
    response.on("close", () => {
      stopTimer();
      finish();
    });
  });
  sent.end(body);
  return promise.finally(() => signal.removeEventListener("abort", onAbort));
}

/** Answers every look-up of a name with these addresses. */
function lookupOf(addresses: readonly string[]): LookupFunction {
  const all = addresses.map((address) => ({ address, family: isIP(address) }));
  return (_, { all: wantsAll = false }, callback) => {
    const [first] = all;
    if (wantsAll) callback(null, all);
    else callback(null, first?.address ?? "", first?.family ?? 0);
  };
}
