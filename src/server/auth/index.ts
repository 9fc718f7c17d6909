/** Who may do what: who calls, whose things they see, and by which rules. */

export { type Auth, type AuthOptions, createAuth } from "./auth.ts";
export type { AuthenticateRequest } from "./auth-interceptor.ts";
export { type JwtOptions, openJwtVerifier } from "./jwt.ts";
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
