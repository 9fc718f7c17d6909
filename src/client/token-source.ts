import type { Interceptor } from "@connectrpc/connect";

/** A token to show with every call, or a function that gives the current one, or none. It is asked before every try of every call. */
export type TokenSource = string | (() => string | undefined | Promise<string | undefined>);

/** Sends a token with every call, as a bearer token (RFC 6750). */
export function createTokenInterceptor(source: TokenSource): Interceptor {
  return (next) => async (request) => {
    const token = typeof source === "string" ? source : await source();
    if (token !== undefined && token !== "") request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  };
}
