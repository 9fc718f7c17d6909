import type { Logger } from "../agent.ts";
import type { Clock } from "../clock.ts";
import type { Millis } from "../store/records.ts";
import type { TokenRecord } from "../store/token-records.ts";
import type { TokenStore } from "../store/token-store.ts";

/** How old what it knows may be: for so long at most a token that another process has revoked is still taken. */
export const tokenStaleness: Millis = 10_000;

/**
 * All tokens, in memory: no call waits for the store, and a token that is guessed costs it nothing. There are 10,000 at most.
 *
 * It is read again when this server changes a token, and every 10 seconds if another has.
 */
export interface TokenTable {
  /** Reads all tokens for the first time. */
  start(): Promise<void>;
  find(digest: string): TokenRecord | undefined;
  /** Whether a token is there, revoked by nobody. */
  has(tokenId: string): boolean;
  /** Reads what has changed. Resolves when calls and subscriptions go by it. */
  refresh(): Promise<void>;
  /** Calls back after tokens have changed. Returns a function that stops it. */
  watch(onChange: () => void): () => void;
  stop(): void;
}

export interface TokenTableOptions {
  store: Pick<TokenStore, "readTokens">;
  clock: Pick<Clock, "timer">;
  log: Logger;
}

export function createTokenTable({ store, clock, log }: TokenTableOptions): TokenTable {
  const listeners = new Set<() => void>();
  let byDigest = new Map<string, TokenRecord>();
  let ids = new Set<string>();
  let revision: number | undefined;
  let stopAlarm: (() => void) | undefined;
  let stopped = false;

  return {
    async start() {
      await refresh();
      setAlarm();
    },
    find: (digest) => byDigest.get(digest),
    has: (tokenId) => ids.has(tokenId),
    refresh,
    watch(onChange) {
      listeners.add(onChange);
      return () => listeners.delete(onChange);
    },
    stop() {
      stopped = true;
      stopAlarm?.();
    },
  };

  async function refresh(): Promise<void> {
    const snapshot = await store.readTokens(revision);
    // Of two that were under way, the older may come last.
    if (snapshot.tokens === undefined || snapshot.revision < (revision ?? 0)) return;
    revision = snapshot.revision;
    byDigest = new Map(snapshot.tokens.map((token) => [token.digest, token]));
    ids = new Set(snapshot.tokens.map(({ id }) => id));
    for (const listener of [...listeners]) listener();
  }

  function setAlarm(): void {
    if (stopped) return;
    stopAlarm = clock.timer(tokenStaleness, () => {
      refresh()
        .catch((error: unknown) => log.error("the tokens could not be read", { error }))
        .finally(setAlarm);
    });
  }
}
