import { parseTimeout as parseConnectTimeout } from "@connectrpc/connect/protocol-connect";
import { parseTimeout as parseGrpcTimeout } from "@connectrpc/connect/protocol-grpc";
import type { Millis } from "../store/records.ts";

/** The latest deadline that a timer can keep, in ms from now: 24 days. A later one is as good as none. */
export const maxTimeout: Millis = 2 ** 31 - 1;

const timeouts = [
  { name: "connect-timeout-ms", parse: parseConnectTimeout },
  { name: "grpc-timeout", parse: parseGrpcTimeout },
];

/** Takes a deadline that no timer can keep out of a request's headers: connect sets a timer for it, which would ring at once. */
export function dropFarDeadline(header: Headers): void {
  for (const { name, parse } of timeouts) {
    const { timeoutMs = 0 } = parse(header.get(name), Number.MAX_SAFE_INTEGER);
    if (timeoutMs > maxTimeout) header.delete(name);
  }
}
