import { once } from "node:events";
import { accessSync, constants, statfsSync, statSync } from "node:fs";
import { get as getPlainly, type IncomingMessage } from "node:http";
import { get as getSecurely, type RequestOptions } from "node:https";
import { createServer } from "node:net";
import { dirname, resolve } from "node:path";
import { messageOf } from "../message-of.ts";
import { nodeFault } from "./node-version.ts";
import type { ClientCertificate } from "./tls-client.ts";
import { findTlsFault } from "./tls-fault.ts";
import { UsageError } from "./usage-error.ts";

/** What was found of one thing. */
export interface Finding {
  what: "node" | "port" | "store" | "server" | "clock";
  /** `note` is no fault, but something to know. */
  verdict: "ok" | "note" | "failed";
  message: string;
}

/** What a server answers that is asked whether it lives. */
interface Health {
  status: number;
  date: string | undefined;
}

/** How far the clocks of this machine and of a server may be apart, in ms: an HTTP date has whole seconds. */
const clockSkew = 5000;
/** How much room a disk should have left, in bytes. */
const enoughRoom = 1024 ** 3;

/** Checks that Node is what the package needs. */
export function checkNode(): Finding {
  const fault = nodeFault(process.versions.node);
  const message = fault ?? process.versions.node;
  return { what: "node", verdict: fault === undefined ? "ok" : "failed", message };
}

/** Checks that a port can be listened on, or that it is a server that is healthy, with TLS or without, who has it. */
export async function checkPort(
  host: string,
  port: number,
  certificate?: ClientCertificate,
): Promise<Finding> {
  const where = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  const server = createServer();
  try {
    await once(server.listen(port, host), "listening");
    server.close();
    return { what: "port", verdict: "ok", message: `${where} is free` };
  } catch (error) {
    const used = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
    if (!used) return { what: "port", verdict: "failed", message: messageOf(error) };
    // An address to listen on is none of the names of a certificate.
    const anyName = { ...certificate, checkServerIdentity: () => undefined };
    const answer = (await askHealth(`http://${where}`)) ?? (await askHealth(`https://${where}`, anyName));
    const pigeonhole = answer?.status === 200;
    const message = pigeonhole ? `${where} is taken, by a server that is healthy` : `${where} is taken`;
    return { what: "port", verdict: pigeonhole ? "note" : "failed", message };
  }
}

/** Tells how large a store is that is large enough for a look at it to take a while. Undefined of others. */
export function largeStore(url: string): string | undefined {
  const found = statSync(url.replace(/^sqlite:/, ""), { throwIfNoEntry: false });
  return found === undefined || found.size < 256 * 1024 ** 2 ? undefined : size(found.size);
}

/** Checks that a store is one that a server takes and is sound, or that it can be made, and that there is room for it. */
export async function checkStore(url: string): Promise<Finding> {
  if (url === "memory:")
    return { what: "store", verdict: "note", message: "memory: is gone with its server" };
  const path = /^sqlite:(.+)$/s.exec(url)?.[1];
  if (path === undefined)
    throw new UsageError(`--store must be sqlite:PATH or memory:, not ${JSON.stringify(url)}`);
  try {
    const folder = dirname(resolve(path));
    accessSync(folder, constants.W_OK);
    const { bavail, bsize } = statfsSync(folder);
    const room = bavail * bsize;
    const left = `${size(room)} left on its disk`;
    const verdict = room < enoughRoom ? "note" : "ok";
    // A file without anything in it is made into a store.
    const bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    if (bytes === 0) return { what: "store", verdict, message: `${path} will be made; ${left}` };
    accessSync(path, constants.W_OK);
    const { withStoreTools } = await import("./store-tools.ts");
    const fault = await withStoreTools(({ lookAtStore }) => lookAtStore(url));
    if (fault !== undefined) return { what: "store", verdict: "failed", message: `${path}: ${fault}` };
    return { what: "store", verdict, message: `${path} is sound, ${size(bytes)}; ${left}` };
  } catch (error) {
    return { what: "store", verdict: "failed", message: `${path}: ${messageOf(error)}` };
  }
}

/** Checks whether a server answers. That none does is no fault, unless TLS is why: it may be what somebody is about to start. */
export async function checkServer(url: string, certificate?: ClientCertificate): Promise<Finding> {
  const answer = await askHealth(url, certificate);
  if (answer === undefined) {
    const fault = await findTlsFault(url, certificate);
    const message = fault === undefined ? `nothing answers at ${url}` : `nothing answers at ${url}: ${fault}`;
    return { what: "server", verdict: fault === undefined ? "note" : "failed", message };
  }
  const healthy = answer.status === 200;
  const message = healthy ? `${url} is healthy` : `${url} answers ${answer.status}`;
  return { what: "server", verdict: healthy ? "ok" : "failed", message };
}

/** Checks this machine's clock against a server's, if one answers. */
export async function checkClock(url: string, certificate?: ClientCertificate): Promise<Finding> {
  const now = new Date();
  const date = (await askHealth(url, certificate))?.date;
  if (now.getUTCFullYear() < 2025) {
    return { what: "clock", verdict: "failed", message: `says ${now.toISOString()}, which has passed` };
  }
  if (!date)
    return { what: "clock", verdict: "ok", message: `${now.toISOString()}, compared with no server` };
  const skew = Math.abs(Date.parse(date) - now.getTime());
  const verdict = skew <= clockSkew ? "ok" : "failed";
  const apart = `${(skew / 1000).toFixed(0)} s apart from the server's`;
  return {
    what: "clock",
    verdict,
    message: `${now.toISOString()}, ${verdict === "ok" ? "as the server's" : apart}`,
  };
}

/** Asks by Node's own means: `fetch` cannot show a certificate. */
async function askHealth(url: string, options: RequestOptions = {}): Promise<Health | undefined> {
  const get = url.startsWith("https:") ? getSecurely : getPlainly;
  try {
    const signal = AbortSignal.timeout(3000);
    const request = get(`${url}/healthz`, { agent: false, signal, ...options });
    // What breaks after the answer's headers is of no interest.
    request.on("error", () => {});
    const [response]: IncomingMessage[] = await once(request, "response");
    const { statusCode: status = 0, headers } = response?.on("error", () => {}).resume() ?? {};
    return { status, date: headers?.date };
  } catch {
    return undefined;
  }
}

function size(bytes: number): string {
  return bytes < 1024 ** 3
    ? `${(bytes / 1024 ** 2).toFixed(1)} MiB`
    : `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
}
