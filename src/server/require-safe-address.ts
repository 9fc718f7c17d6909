import { isIPv4 } from "node:net";
import type { Logger } from "./agent.ts";
import { TaskError } from "./errors.ts";

export interface ListeningAddress {
  /** The address to listen on. */
  host: string;
  /** Whether callers have to show who they are, by a token or by a certificate. */
  authenticated: boolean;
  /** Whether the operator has said that nobody needs to. */
  insecure: boolean;
}

/** Throws VALUE_INVALID where a server would let everybody in who can reach it, beyond this machine, and nobody has said that it shall. */
export function requireSafeAddress({ host, authenticated, insecure }: ListeningAddress): void {
  if (authenticated || insecure || isLoopback(host)) return;
  throw new TaskError(
    "VALUE_INVALID",
    `host ${JSON.stringify(host)} is reached from other machines, and nothing says who may call: ` +
      "ask for tokens (--auth), or for client certificates (--tls-client-ca), listen on 127.0.0.1, " +
      "or say --insecure (insecure: true) to let everybody in",
  );
}

/** Tells the log what it means to listen on an address that other machines reach. */
export function warnOfReach(
  log: Logger,
  {
    host,
    authenticated,
    encrypted,
  }: Pick<ListeningAddress, "host" | "authenticated"> & { encrypted: boolean },
): void {
  if (isLoopback(host)) return;
  if (!authenticated) log.warn("everybody who can reach the server may call", { host });
  else if (!encrypted) log.warn("what callers show to prove who they are passes unencrypted", { host });
}

/** Whether an address is reached from this machine alone. A name other than `localhost` may resolve to anything, and is not. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIPv4(host) && host.startsWith("127."));
}
