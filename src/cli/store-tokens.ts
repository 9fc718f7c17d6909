import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { Token } from "../client/index.ts";
import { Role, TokenSchema, TokenService } from "../proto.ts";
import { systemClock } from "../server/clock.ts";
import { hasReason } from "../server/errors.ts";
import { openStore } from "../server/open-store.ts";
import type { Store } from "../server/store/store.ts";
import type { TokenRecord } from "../server/store/token-records.ts";
import { makeToken, maxTokens, renderToken, roleOf } from "../server/token-service.ts";
import { violations } from "../server/validation/index.ts";
import type { TokenKeeper } from "./token-keeper.ts";
import { UsageError } from "./usage-error.ts";

const { input: requestSchema } = TokenService.method.createToken;

/** Keeps tokens straight in a store, which is how the first admin comes to one: whoever may write the file may do anything with it. */
export function createStoreTokens(url: string): TokenKeeper {
  return {
    async create({ principal, role = Role.CLIENT, description = "", ttl }) {
      const time = ttl === undefined ? {} : { ttl: durationFromMs(ttl) };
      requireValid({ principal, role, description, ...time });
      return await within(async (store) => {
        const asked = { principal, role: roleOf(role), description, ...(ttl !== undefined && { ttl }) };
        const { token, secret } = await makeToken(store, systemClock, asked);
        return { token: render(token), secret };
      });
    },
    async *list({ principal }) {
      const filters = { ...(principal !== undefined && { principal }), limit: maxTokens };
      const { items } = await within((store) => store.listTokens(filters));
      yield* items.map(render);
    },
    revoke: (tokenId) => within((store) => store.revokeToken(tokenId)),
  };

  async function within<T>(use: (store: Store) => Promise<T>): Promise<T> {
    const store = await openStore(url).catch(tellServer);
    try {
      return await use(store);
    } finally {
      await store.close();
    }
  }
}

/** Throws UsageError for what a server would refuse of its callers, and could not read or tell if it were in its store. */
function requireValid(request: MessageInitShape<typeof requestSchema>): void {
  const wrong = violations(requestSchema, create(requestSchema, request));
  if (wrong.length === 0) return;
  throw new UsageError(wrong.map(({ field, description }) => `${field}: ${description}`).join("\n"));
}

/** Says what to do about a store that a server has. */
function tellServer(error: unknown): never {
  if (!hasReason(error, "STORE_UNAVAILABLE") || error.details.precondition === undefined) throw error;
  const hint =
    "Without --store that server does it, for the --token of an admin; with it, once the server has stopped.";
  throw new Error(`${error.message}. ${hint}`, { cause: error });
}

function render(record: TokenRecord): Token {
  return create(TokenSchema, renderToken(record));
}
