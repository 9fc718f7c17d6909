import { randomBytes } from "node:crypto";
import type { Interceptor } from "@connectrpc/connect";
import type { Logger } from "../agent.ts";
import type { Clock } from "../clock.ts";
import { TaskError } from "../errors.ts";
import type { Millis } from "../store/records.ts";
import type { Store } from "../store/store.ts";
import {
  type AuthenticateRequest,
  createAuthInterceptor,
  createRequestAuthenticator,
} from "./auth-interceptor.ts";
import { createAuthenticator } from "./authenticator.ts";
import type { JwtOptions, VerifyJwt } from "./jwt.ts";
import { createOwnershipInterceptor } from "./ownership-interceptor.ts";
import type { PeerRoles } from "./peer.ts";
import { type Session, sessionExpired } from "./session.ts";
import { createTaskOwners } from "./task-owners.ts";
import { createTaskTokens, type TaskTokens } from "./task-tokens.ts";
import { createTokenTable, type TokenTable } from "./token-table.ts";

/** Asks every call who it is. The tokens of this server are always taken, and client certificates where TLS asks for them. */
export interface AuthOptions {
  /** Takes an issuer's JSON Web Tokens too. */
  jwt?: JwtOptions;
  /** The names of client certificates that have more than the role of a client. */
  peerRoles?: PeerRoles;
}

/** How long the end of a session is waited for at once: a clock that is set ahead is noticed by then. */
const maxTimer: Millis = 60_000;

/** Who may do what. */
export interface Auth {
  /** What goes around every call, first of all that asks or acts; nothing where nobody is asked. */
  interceptors: Interceptor[];
  /** What goes around every call once it is within its limits, before all that acts on requests; nothing where nobody is asked. */
  ownership: Interceptor[];
  /** What lets a request in before its body is read. Absent where nobody is asked. */
  authenticate?: AuthenticateRequest;
  /** All tokens. Absent where nobody is asked. */
  tokens?: TokenTable;
  taskTokens(): Promise<TaskTokens>;
  /** Reads the tokens. Rejects with STORE_UNAVAILABLE. */
  start(): Promise<void>;
  stop(): void;
}

export interface AuthDependencies {
  store: Pick<Store, "getTask" | "readTokens" | "signingKey">;
  clock: Clock;
  log: Logger;
  /** Verifies the tokens of the issuer that the options name. */
  verifyJwt?: VerifyJwt | undefined;
}

/** Puts authentication together; without options, nobody is asked. */
export function createAuth(
  options: AuthOptions | undefined,
  { store, clock, log, verifyJwt }: AuthDependencies,
): Auth {
  let opened: Promise<TaskTokens> | undefined;
  const taskTokens = () => {
    opened ??= store.signingKey(randomBytes(32)).then(createTaskTokens, (error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
  if (options === undefined)
    return { interceptors: [], ownership: [], taskTokens, start: async () => {}, stop: () => {} };

  const { peerRoles } = options;
  const { now } = clock;
  const tokens = createTokenTable({ store, clock, log });
  const authenticate = createAuthenticator({
    ...{ tokens, taskTokens, now },
    ...(verifyJwt && { verifyJwt }),
    ...(peerRoles && { peerRoles }),
  });
  const onEnd = (session: Session, end: (reason: TaskError) => void) =>
    watchSession(session, end, tokens, clock);
  return {
    interceptors: [createAuthInterceptor({ authenticate, onEnd })],
    ownership: [createOwnershipInterceptor(createTaskOwners(store))],
    authenticate: createRequestAuthenticator(authenticate),
    tokens,
    taskTokens,
    start: tokens.start,
    stop: tokens.stop,
  };
}

/** Tells when a session ends: its time has passed, or its token or certificate was revoked. */
function watchSession(
  { expireTime, tokenId, revoked }: Session,
  end: (reason: TaskError) => void,
  tokens: TokenTable,
  { timer, now }: Clock,
): () => void {
  let stopTimer: (() => void) | undefined;
  const wait = (until: Millis) => {
    if (until <= now()) end(sessionExpired());
    else stopTimer = timer(Math.min(until - now(), maxTimer), () => wait(until));
  };
  if (expireTime !== undefined) wait(expireTime);
  const look = () => {
    if (tokenId === undefined || tokens.has(tokenId)) return;
    end(new TaskError("CREDENTIALS_INVALID", "the token was revoked"));
  };
  const unwatch = tokens.watch(look);
  const onRevoked = () => end(revoked?.reason);
  revoked?.addEventListener("abort", onRevoked);
  // Between the headers, which say who calls, and here a body may have taken its time.
  look();
  if (revoked?.aborted) onRevoked();
  return () => {
    stopTimer?.();
    unwatch();
    revoked?.removeEventListener("abort", onRevoked);
  };
}
