import type { IncomingHttpHeaders } from "node:http";
import { createContextValues } from "@connectrpc/connect";
import { peerKey } from "../auth/peer.ts";
import { type Connection, connectionKey, type HttpRequest } from "./connection.ts";

/** What a request says before its body. */
export interface RequestHead {
  httpVersion: string;
  method: string | undefined;
  /** The path and the query. */
  path: string | undefined;
  headers: IncomingHttpHeaders;
  connection: Connection;
}

/** Puts a request into the form in which connect takes it. */
export function readRequest(
  head: RequestHead,
  body: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): HttpRequest {
  const { connection } = head;
  return {
    httpVersion: head.httpVersion,
    method: head.method ?? "",
    url: requestUrl(head.path),
    header: webHeaders(head.headers),
    body,
    signal,
    connection,
    ...(connection.peer !== undefined && { peer: connection.peer }),
    contextValues: createContextValues().set(connectionKey, connection).set(peerKey, connection.peer),
  };
}

/** Makes the URL without regard to the Host header, which anyone may write anything into. Nothing here depends on it. */
function requestUrl(path = "/"): string {
  if (path.startsWith("/")) return `http://localhost${path}`;
  const { pathname = "", search = "" } = URL.parse(path) ?? {};
  // The path of a URL such as `mailto:somebody` is none below a host, and could be taken for a part of its name.
  return `http://localhost${pathname.startsWith("/") ? pathname : "/"}${search}`;
}

function webHeaders(headers: IncomingHttpHeaders): Headers {
  const result = new Headers();
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined || name.startsWith(":")) continue;
    result.append(name, typeof value === "string" ? value : value.join(", "));
  }
  return result;
}
