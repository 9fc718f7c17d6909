import type { ServeOptions } from "../server/index.ts";
import type { ServeSettings } from "./serve-options.ts";
import { UsageError } from "./usage-error.ts";

/** Makes the options of authentication of what a server was started with. None if it asks nobody. */
export function authOptions(settings: ServeSettings): Pick<ServeOptions, "auth"> {
  const jwt = jwtOptions(settings);
  const { "peer-admin": admins, "peer-agent": agents } = settings;
  const hasPeers = admins !== undefined || agents !== undefined;
  if (hasPeers && settings["tls-client-ca"] === undefined)
    throw new UsageError("--peer-admin and --peer-agent need --tls-client-ca");
  if (settings.auth !== true && jwt === undefined && !hasPeers) return {};
  const peerRoles = { ...(admins && { admins }), ...(agents && { agents }) };
  return { auth: { ...(jwt && { jwt }), ...(hasPeers && { peerRoles }) } };
}

function jwtOptions(settings: ServeSettings) {
  const { "jwt-issuer": issuer, "jwt-audience": audience, "jwt-jwks": jwks } = settings;
  const { "jwt-principal-claim": principalClaim, "jwt-role-claim": roleClaim } = settings;
  if ([issuer, audience, jwks, principalClaim, roleClaim].every((flag) => flag === undefined))
    return undefined;
  if (issuer === undefined || audience === undefined || jwks === undefined) {
    throw new UsageError("--jwt-issuer, --jwt-audience and --jwt-jwks go together");
  }
  return {
    ...{ issuer, audience, jwks },
    ...(principalClaim !== undefined && { principalClaim }),
    ...(roleClaim !== undefined && { roleClaim }),
  };
}
