import type { Role } from "../auth/principal.ts";
import type { Millis } from "./records.ts";

/** A token, without what its bearer sends. Optional fields are absent, never empty. */
export interface TokenRecord {
  id: string;
  /** SHA-256 of what its bearer sends, in base64url. */
  digest: string;
  principal: string;
  role: Role;
  description?: string;
  createTime: Millis;
  /** When it ends. Absent when it is good until it is revoked. */
  expireTime?: Millis;
}

export interface CreateToken {
  token: TokenRecord;
  /** The most tokens that there may be. */
  maxTokens: number;
}

export interface ListTokens {
  principal?: string;
  /** Where to go on: only tokens that sort after this one. */
  after?: { createTime: Millis; id: string };
  limit: number;
}

/** All tokens as they are at a revision. */
export interface TokenSnapshot {
  /** Grows with every change of a token. */
  revision: number;
  /** Absent when nothing has changed since the revision that was asked about. */
  tokens?: TokenRecord[];
}
