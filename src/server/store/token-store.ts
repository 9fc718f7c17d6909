import type { ListPage } from "./records.ts";
import type { CreateToken, ListTokens, TokenRecord, TokenSnapshot } from "./token-records.ts";

/**
 * The part of the Store that keeps the tokens of callers, by their digests. What holds for every method of the Store holds for these.
 *
 * Whether the time of a token has passed is for the caller to say: one that has ended stays until it is revoked.
 */
export interface TokenStore {
  /** Keeps a token. Rejects with LIMIT_REACHED. */
  createToken(args: CreateToken): Promise<TokenRecord>;

  /** Reads tokens that pass all filters, oldest first. */
  listTokens(args: ListTokens): Promise<ListPage<TokenRecord>>;

  /** Forgets a token. Rejects with TOKEN_NOT_FOUND. */
  revokeToken(id: string): Promise<void>;

  /** Reads all tokens, unless none has changed since a revision. */
  readTokens(sinceRevision?: number): Promise<TokenSnapshot>;

  /** Gives the key that task tokens are signed with: the one that is kept, or else the `candidate`, which is kept from then on. */
  signingKey(candidate: Uint8Array): Promise<Uint8Array>;
}
