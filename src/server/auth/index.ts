/** Who may do what: who calls, whose things they see, and by which rules. */

import type { JwtOptions, JwtVerifier, JwtVerifierOptions } from "./jwt.ts";

export { type Auth, type AuthOptions, createAuth } from "./auth.ts";
export type { AuthenticateRequest } from "./auth-interceptor.ts";
export type { JwtOptions } from "./jwt.ts";
export { ownerToList } from "./owner-to-list.ts";
export { type Peer, type PeerRequest, type PeerRoles, peerKey } from "./peer.ts";
export {
  anonymous,
  type Caller,
  callerKey,
  type Principal,
  principalPattern,
  type Role,
  type TaskPermission,
} from "./principal.ts";
export { createSecret, digestOf } from "./secrets.ts";
export type { TaskTokens } from "./task-tokens.ts";
export type { TokenTable } from "./token-table.ts";

/** See there. Loads what it stands on only for those who want it: that takes a twentieth of a second and eight megabytes. */
export async function openJwtVerifier(options: JwtOptions, also: JwtVerifierOptions): Promise<JwtVerifier> {
  const jwt = await import("./jwt.ts");
  return await jwt.openJwtVerifier(options, also);
}
