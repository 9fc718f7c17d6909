import type { Role } from "../../auth/principal.ts";
import { TaskError } from "../../errors.ts";
import type { ListPage } from "../records.ts";
import type { CreateToken, ListTokens, TokenRecord, TokenSnapshot } from "../token-records.ts";
import type { Tx } from "./tx.ts";

interface TokenRow {
  id: string;
  digest: string;
  principal: string;
  role: Role;
  description: string | null;
  created_at: number;
  expire_at: number | null;
}

/** See TokenStore.createToken. */
export function createToken(tx: Tx, { token, maxTokens }: CreateToken): TokenRecord {
  const { count } = tx.sql.one<{ count: number }>`select count(*) as count from tokens` ?? { count: 0 };
  if (count >= maxTokens) {
    throw new TaskError("LIMIT_REACHED", `there are ${count} tokens, as many as there may be`, {
      metadata: { max_tokens: String(maxTokens) },
    });
  }
  tx.sql.run`insert into tokens (id, digest, principal, role, description, created_at, expire_at)
    values (${token.id}, ${token.digest}, ${token.principal}, ${token.role}, ${token.description},
      ${token.createTime}, ${token.expireTime})`;
  noteChange(tx);
  return token;
}

/** See TokenStore.listTokens. */
export function listTokens(tx: Tx, { principal, after, limit }: ListTokens): ListPage<TokenRecord> {
  const rows = tx.sql.all<TokenRow>`select * from tokens
    where (created_at, id) > (${after?.createTime ?? -1}, ${after?.id ?? ""})
      and principal = coalesce(${principal}, principal)
    order by created_at, id limit ${limit + 1}`;
  return { items: rows.slice(0, limit).map(tokenRecord), more: rows.length > limit };
}

/** See TokenStore.revokeToken. */
export function revokeToken(tx: Tx, id: string): void {
  if (tx.sql.run`delete from tokens where id = ${id}` === 0) {
    throw new TaskError("TOKEN_NOT_FOUND", `there is no token ${JSON.stringify(id)}`, {
      resource: { type: "token", name: id },
    });
  }
  noteChange(tx);
}

/** See TokenStore.readTokens. */
export function readTokens(tx: Tx, sinceRevision: number | undefined): TokenSnapshot {
  const { revision } = tx.sql.one<{ revision: number }>`select revision from token_facts` ?? { revision: 0 };
  if (revision === sinceRevision) return { revision };
  return { revision, tokens: tx.sql.all<TokenRow>`select * from tokens`.map(tokenRecord) };
}

/** See TokenStore.signingKey. */
export function signingKey(tx: Tx, candidate: Uint8Array): Uint8Array {
  tx.sql.run`update token_facts set signing_key = ${candidate} where signing_key is null`;
  const kept = tx.sql.one<{ signing_key: Uint8Array | null }>`select signing_key from token_facts`;
  return kept?.signing_key ?? candidate;
}

function noteChange(tx: Tx): void {
  tx.sql.run`update token_facts set revision = revision + 1`;
}

function tokenRecord(row: TokenRow): TokenRecord {
  return {
    id: row.id,
    digest: row.digest,
    principal: row.principal,
    role: row.role,
    ...(row.description !== null && { description: row.description }),
    createTime: row.created_at,
    ...(row.expire_at !== null && { expireTime: row.expire_at }),
  };
}
