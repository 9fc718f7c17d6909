import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import { Role, type TokenSchema, type TokenService } from "../proto.ts";
import {
  createSecret,
  digestOf,
  principalPattern,
  type Role as RoleName,
  type TokenTable,
} from "./auth/index.ts";
import type { Clock } from "./clock.ts";
import { TaskError } from "./errors.ts";
import { wholeMillis } from "./mailbox/time-fields.ts";
import { createPageTokens, defaultPageSize } from "./page-token.ts";
import type { Millis } from "./store/records.ts";
import type { TokenRecord } from "./store/token-records.ts";
import type { TokenStore } from "./store/token-store.ts";

/** How many tokens there may be: all of them are in memory. */
export const maxTokens = 10_000;

export interface TokenServiceOptions {
  store: Pick<TokenStore, "createToken" | "listTokens" | "revokeToken">;
  clock: Pick<Clock, "id" | "now">;
  /** What the tokens are known by. Absent where nobody is asked for one. */
  tokens?: TokenTable;
}

/** TokenService over the store. Its requests have passed validation. What it answers, the next call goes by. */
export function createTokenService({
  store,
  clock,
  tokens,
}: TokenServiceOptions): ServiceImpl<typeof TokenService> {
  return {
    async createToken({ principal, role, description, ttl }) {
      const table = requireTable();
      const made = await makeToken(store, clock, {
        principal,
        role: roleOf(role),
        description,
        ...(ttl && { ttl: wholeMillis(ttl) }),
      });
      await table.refresh();
      return { token: renderToken(made.token), secret: made.secret };
    },

    async listTokens({ principal, pageSize, pageToken }) {
      requireTable();
      const pages = createPageTokens("tokens", [principal], ["number", "string"]);
      const position = pages.decode(pageToken);
      const { items, more } = await store.listTokens({
        ...(principal !== "" && { principal }),
        ...(position && { after: { createTime: Number(position[0]), id: String(position[1]) } }),
        limit: pageSize || defaultPageSize,
      });
      const last = items.at(-1);
      return {
        tokens: items.map(renderToken),
        nextPageToken: more && last !== undefined ? pages.encode([last.createTime, last.id]) : "",
      };
    },

    async revokeToken({ tokenId }) {
      const table = requireTable();
      await store.revokeToken(tokenId);
      await table.refresh();
      return {};
    },
  };

  function requireTable(): TokenTable {
    if (tokens !== undefined) return tokens;
    const description = "the server was started without authentication";
    throw new TaskError("AUTHENTICATION_OFF", description, {
      precondition: { subject: "server", description },
    });
  }
}

/** What a token is to be. */
export interface NewToken {
  principal: string;
  role: RoleName;
  description: string;
  ttl?: Millis;
}

/** Makes a token in a store. What its bearer sends is told here and kept nowhere. Rejects with FIELD_INVALID or LIMIT_REACHED. */
export async function makeToken(
  store: Pick<TokenStore, "createToken">,
  clock: Pick<Clock, "id" | "now">,
  { principal, role, description, ttl }: NewToken,
): Promise<{ token: TokenRecord; secret: string }> {
  if (!principalPattern.test(principal)) {
    throw invalid("principal", "must be 1 to 128 letters, digits and any of . _ - : / @ | + =");
  }
  const secret = createSecret();
  const createTime = clock.now();
  const token = await store.createToken({
    token: {
      ...{ id: clock.id(), digest: digestOf(secret), principal, role, createTime },
      ...(description !== "" && { description }),
      ...(ttl !== undefined && { expireTime: createTime + ttl }),
    },
    maxTokens,
  });
  return { token, secret };
}

const roles: readonly (readonly [Role, RoleName])[] = [
  [Role.CLIENT, "client"],
  [Role.AGENT, "agent"],
  [Role.ADMIN, "admin"],
];

/** Gives the role that is meant. Throws FIELD_INVALID. */
export function roleOf(role: Role): RoleName {
  if (role === Role.UNSPECIFIED) return "client";
  const found = roles.find(([known]) => known === role);
  if (found !== undefined) return found[1];
  throw invalid("role", "must be a role");
}

function invalid(field: string, description: string): TaskError {
  return new TaskError("FIELD_INVALID", `${field}: ${description}`, { fields: [{ field, description }] });
}

/** Renders a token as the protocol shows it. */
export function renderToken(record: TokenRecord): MessageInitShape<typeof TokenSchema> {
  const { id, principal, description = "", createTime, expireTime } = record;
  return {
    ...{ id, principal, description },
    role: roles.find(([, name]) => name === record.role)?.[0] ?? Role.UNSPECIFIED,
    createTime: timestampFromMs(createTime),
    ...(expireTime !== undefined && { expireTime: timestampFromMs(expireTime) }),
  };
}
