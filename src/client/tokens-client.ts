import { type Client, createClient, type Transport } from "@connectrpc/connect";
import { type CreateTokenResponse, type Role, type Token, TokenService } from "../proto.ts";
import { readPages } from "./read-pages.ts";
import { requireField, type With } from "./required-field.ts";
import { isRefused, type RetryPolicy, retry } from "./retry.ts";
import type { ListOptions, ReadOptions } from "./task-options.ts";
import { durationOf } from "./times.ts";

/** The token to make. The bounds of all fields are those of `pigeonhole.v1.CreateTokenRequest`. */
export interface NewToken {
  /** Who its bearer is. */
  principal: string;
  /** What its bearer may do. A client by default. */
  role?: Role;
  /** What it is for, in words. */
  description?: string;
  /** How long it is good for, in ms. Until it is revoked by default. */
  ttl?: number;
}

/** Which tokens to list. */
export interface TokenFilters extends ListOptions {
  principal?: string;
}

/** Keeps the tokens that callers prove with who they are. For admins alone. Rejects and throws as TasksClient does. */
export interface TokensClient {
  /**
   * Makes a token. Its `secret` is told here and never again. Is tried again only when the server says that nothing was done. Rejects with
   * `AUTHENTICATION_OFF` or `LIMIT_REACHED`.
   */
  create(token: NewToken, options?: ReadOptions): Promise<With<CreateTokenResponse, "token">>;
  /** Lists tokens, oldest first. Reads on page by page as it is iterated. */
  list(filters?: TokenFilters): AsyncIterable<Token>;
  /** Revokes a token: calls with it fail from now on, and its subscriptions end. Is tried again as `create` is. Rejects with `TOKEN_NOT_FOUND`. */
  revoke(tokenId: string, options?: ReadOptions): Promise<void>;
}

/** Makes a TokensClient over a transport. */
export function createTokensClient(transport: Transport, policy: RetryPolicy): TokensClient {
  const rpc: Client<typeof TokenService> = createClient(TokenService, transport);
  return {
    async create({ ttl, ...token }, { signal } = {}) {
      const request = { ...token, ...(ttl !== undefined && { ttl: durationOf("ttl", ttl) }) };
      const response = await retry(policy, signal, (call) => rpc.createToken(request, call), isRefused);
      return requireField(response, "token");
    },
    list: ({ signal, ...filters } = {}) =>
      readPages(signal, async (pageToken) => {
        const request = { ...filters, pageToken };
        const response = await retry(policy, signal, (call) => rpc.listTokens(request, call));
        return { items: response.tokens, nextPageToken: response.nextPageToken };
      }),
    async revoke(tokenId, { signal } = {}) {
      await retry(policy, signal, (call) => rpc.revokeToken({ tokenId }, call), isRefused);
    },
  };
}
