import { TaskError } from "../errors.ts";
import type { Millis } from "../store/records.ts";
import { bearerToken } from "./bearer.ts";
import type { VerifyJwt } from "./jwt.ts";
import { type Peer, type PeerRoles, peerPrincipal } from "./peer.ts";
import { anonymous } from "./principal.ts";
import { digestOf, taskTokenPrefix, tokenPrefix } from "./secrets.ts";
import { type Session, sessionExpired } from "./session.ts";
import type { TaskTokens } from "./task-tokens.ts";
import type { TokenTable } from "./token-table.ts";

/**
 * Tells who calls, by the token in the Authorization header, or else by the certificate of the connection.
 *
 * Throws CREDENTIALS_MISSING, CREDENTIALS_INVALID, CREDENTIALS_EXPIRED or ISSUER_UNAVAILABLE.
 */
export type Authenticate = (header: Headers, peer: Peer | undefined) => Session | Promise<Session>;

export interface AuthenticatorOptions {
  tokens: Pick<TokenTable, "find" | "has">;
  taskTokens: () => Promise<TaskTokens>;
  /** Without it, no JSON Web Token is taken. */
  verifyJwt?: VerifyJwt;
  peerRoles?: PeerRoles;
  now: () => Millis;
}

export function createAuthenticator(options: AuthenticatorOptions): Authenticate {
  const { tokens, taskTokens, verifyJwt, peerRoles, now } = options;
  return (header, peer) => {
    const token = bearerToken(header);
    if (token?.startsWith(tokenPrefix)) return good(tokenSession(token));
    if (token?.startsWith(taskTokenPrefix)) return taskTokenSession(token);
    if (token !== undefined) return jwtSession(token);
    if (peer !== undefined) return good(peerSession(peer));
    throw new TaskError(
      "CREDENTIALS_MISSING",
      "this server asks for authentication: Authorization: Bearer TOKEN",
    );
  };

  function tokenSession(secret: string): Session {
    const token = tokens.find(digestOf(secret));
    if (token === undefined) throw unknownToken();
    const { id: tokenId, principal: id, role, expireTime } = token;
    return { principal: { id, role }, tokenId, ...(expireTime !== undefined && { expireTime }) };
  }

  /** A connection may outlive the certificate that it was let in with. */
  function peerSession(peer: Peer): Session {
    const { certificate, revoked } = peer;
    revoked?.throwIfAborted();
    const { expireTime } = certificate;
    return { principal: peerPrincipal(peer, peerRoles), expireTime, ...(revoked && { revoked }) };
  }

  async function taskTokenSession(token: string): Promise<Session> {
    const session = (await taskTokens()).verify(token);
    if (session.tokenId !== undefined && !tokens.has(session.tokenId)) throw unknownToken();
    // Made where nobody was asked: whoever could reach the server then could otherwise lay one up for later.
    if (session.principal.id === anonymous.id) throw unknownToken();
    return good(session);
  }

  async function jwtSession(token: string): Promise<Session> {
    if (verifyJwt === undefined) throw unknownToken();
    return good(await verifyJwt(token));
  }

  function good(session: Session): Session {
    if (session.expireTime === undefined || session.expireTime > now()) return session;
    throw sessionExpired();
  }
}

function unknownToken(): TaskError {
  return new TaskError("CREDENTIALS_INVALID", "the token is not one of this server's, or was revoked");
}
