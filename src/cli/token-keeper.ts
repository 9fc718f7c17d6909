import type { NewToken, Token, TokenFilters } from "../client/index.ts";

/** Where tokens are kept: a server's, or a store's that no server has open. */
export interface TokenKeeper {
  create(token: NewToken): Promise<{ token: Token; secret: string }>;
  list(filters: TokenFilters): AsyncIterable<Token>;
  revoke(tokenId: string): Promise<void>;
}
