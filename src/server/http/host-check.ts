import { isIP } from "node:net";
import { TaskError } from "../errors.ts";
import type { HttpRequest } from "./connection.ts";

/** Throws NOT_ALLOWED for a request to a host whose name is not the server's. */
export type RequireHost = (request: HttpRequest) => void;

/** Whether a host is the server's, by its name with a port or without. */
export type HasHost = (host: string) => boolean;

/**
 * Tells the server's names from others: they are addresses, `localhost`, what ends with `.localhost`, and those that are allowed. Throws
 * VALUE_INVALID for what is no name.
 */
export function createHostNames(allowed: readonly string[]): HasHost {
  const names = new Set(allowed.map(requireName));
  return (host) => {
    const name = nameOf(host) ?? "";
    return isAddress(name) || name === "localhost" || name.endsWith(".localhost") || names.has(name);
  };
}

/**
 * Makes the check of names by which browsers may reach a server that is this machine's alone and asks nobody who they are. A page from
 * elsewhere whose name is made to lead here while it is open (DNS rebinding) is of the server's own origin then, for its browser, and could do
 * all that may be done; but its requests still name it. HTTP/2 without TLS, which no browser speaks, may say what it likes.
 */
export function createHostCheck(hasHost: HasHost): RequireHost {
  return ({ httpVersion, header }) => {
    const host = header.get("host");
    if (host === null || !httpVersion.startsWith("1.") || hasHost(host)) return;
    throw new TaskError(
      "NOT_ALLOWED",
      `this server has no host ${JSON.stringify(host.slice(0, 256))}: if it is to, serve with --allow-host (allowedHosts), or with --auth`,
    );
  };
}

function requireName(host: string): string {
  if (isHostName(host)) return host.toLowerCase();
  throw new TaskError(
    "VALUE_INVALID",
    `${JSON.stringify(host)} is no name of a host, such as pigeonhole.example`,
  );
}

/** Whether a text is a host's name as URLs have it, in whatever case, without a port. */
export function isHostName(text: string): boolean {
  return nameOf(text) === text.toLowerCase();
}

/** Gives the name of a host with a port or without, as URLs have it. */
function nameOf(host: string): string | undefined {
  const url = URL.parse(`http://${host}`);
  return url?.href === `http://${url?.host}/` ? url.hostname : undefined;
}

function isAddress(name: string): boolean {
  return isIP(name.replace(/^\[(.*)\]$/, "$1")) !== 0;
}
