import type { Interceptor } from "@connectrpc/connect";
import { createClient, type PigeonholeClient, type RetryOptions } from "../client/index.ts";
import type { Options, Values } from "./command.ts";
import { certificateTransport, clientCertificate, tlsOptions, trustAuthorities } from "./tls-client.ts";
import { createTlsInterceptor } from "./tls-fault.ts";
import { UsageError } from "./usage-error.ts";

const defaultServer = "http://127.0.0.1:8080";

/** The options of what talks to a server. */
export const serverOptions = {
  server: {
    type: "string",
    value: "url",
    summary: `Where the server is. Default: PIGEONHOLE_SERVER, or else ${defaultServer}.`,
  },
  token: {
    type: "string",
    value: "token",
    summary: "Sent with every call, as a bearer token. Default: PIGEONHOLE_TOKEN.",
  },
  ...tlsOptions,
} as const satisfies Options;

/** How long calls go on when the server cannot be reached: not long, because somebody waits who can do something about it. */
const impatient: RetryOptions = { maxAttempts: 5, totalTime: 5_000 };

/** Makes a client of the server that the options name. It gives up after a few seconds on one that cannot be reached. */
export function connect(values: Values<typeof serverOptions>): PigeonholeClient {
  return createServerClient(values, impatient);
}

/** Makes a client for what goes on for long, over restarts of the server. */
export function connectPatiently(values: Values<typeof serverOptions>): PigeonholeClient {
  return createServerClient(values, {});
}

function createServerClient(values: Values<typeof serverOptions>, retry: RetryOptions): PigeonholeClient {
  const token = values.token ?? process.env.PIGEONHOLE_TOKEN ?? "";
  const baseUrl = serverUrl(values);
  const certificate = clientCertificate(values);
  const interceptors: Interceptor[] = [
    createTlsInterceptor(baseUrl, certificate),
    (next) => (request) => {
      if (token !== "") request.header.set("authorization", `Bearer ${token}`);
      return next(request);
    },
  ];
  trustAuthorities(values);
  if (certificate === undefined) return createClient({ baseUrl, retry, interceptors });
  return createClient({ transport: certificateTransport(certificate, baseUrl, interceptors), retry });
}

/** Tells where the server is. */
export function serverUrl(values: Values<typeof serverOptions>): string {
  const given = values.server ?? (process.env.PIGEONHOLE_SERVER || defaultServer);
  const url = /^https?:\/\//.test(given) ? given : `http://${given}`;
  if (!URL.canParse(url)) throw new UsageError(`--server must be a URL, not ${JSON.stringify(given)}`);
  return url.replace(/\/+$/, "");
}

/** Finds a task's id by what names it: its id, or else its name. */
export async function findTaskId(
  { tasks }: PigeonholeClient,
  key: string,
  signal?: AbortSignal,
): Promise<string> {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(key)) return key;
  const { id } = await tasks.get({ name: key }, signal && { signal });
  return id;
}
