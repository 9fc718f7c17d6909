import { errors, type JWTPayload, jwtVerify } from "jose";
import type { Logger } from "../agent.ts";
import { TaskError } from "../errors.ts";
import type { Millis } from "../store/records.ts";
import { createThrottle } from "../throttle.ts";
import { openIssuerKeys } from "./issuer-keys.ts";
import { isRole, principalPattern, type Role } from "./principal.ts";
import { digestOf } from "./secrets.ts";
import type { Session } from "./session.ts";

/** Whose JSON Web Tokens (RFC 7519) are taken, such as the access tokens of an OpenID provider. */
export interface JwtOptions {
  /** What their `iss` must be. */
  issuer: string;
  /** What must be among their `aud`. */
  audience: string;
  /** Where the issuer's keys are: an `https:` URL, `http:` for a loopback host, or the path of a file, read again when it changes. */
  jwks: string;
  /** The claim that names the principal. Default `sub`. */
  principalClaim?: string;
  /** The claim with the role, or a list of roles; other words in it mean nothing. Default `pigeonhole_role`. */
  roleClaim?: string;
  /** How far the issuer's clock may be off, in ms, 0 to 300,000. Default 30,000. */
  clockTolerance?: Millis;
}

/** Only signatures whose keys can be published. What `none` or a shared secret has signed is refused. */
const algorithms = [
  ...["ES256", "ES384", "ES512", "EdDSA", "Ed25519"],
  ...["PS256", "PS384", "PS512", "RS256", "RS384", "RS512"],
];

/** How many tokens that were found good it remembers, and for how long: a signature costs a tenth of a millisecond. */
const remembered = { tokens: 4096, time: 60_000 };

/** How often the log says that the issuer's keys cannot be fetched, which any stranger's token may find. */
const reportInterval: Millis = 1000;

/** Verifies a token. Rejects with CREDENTIALS_INVALID, CREDENTIALS_EXPIRED or ISSUER_UNAVAILABLE. */
export type VerifyJwt = (token: string) => Session | Promise<Session>;

/** What verifies the tokens of an issuer. */
export interface JwtVerifier {
  verify: VerifyJwt;
  /** Reads the file of the issuer's keys again, if they are in one. If it cannot be used, the log says so, and what was before stays. */
  reload(): Promise<void>;
  /** Stops looking at that file. */
  close(): void;
}

export interface JwtVerifierOptions {
  now: () => Millis;
  log: Logger;
}

/** Opens what verifies tokens. Rejects with VALUE_INVALID that names the option that is wrong. */
export async function openJwtVerifier(
  options: JwtOptions,
  { now, log }: JwtVerifierOptions,
): Promise<JwtVerifier> {
  const { issuer, audience, principalClaim = "sub", roleClaim = "pigeonhole_role" } = options;
  const { clockTolerance = 30_000 } = options;
  requireText("issuer", issuer);
  requireText("audience", audience);
  requireText("principalClaim", principalClaim);
  requireText("roleClaim", roleClaim);
  if (!(clockTolerance >= 0 && clockTolerance <= 300_000))
    throw invalid("clockTolerance", "must be 0 to 300,000 ms");
  const { find, file } = await openIssuerKeys(options.jwks, log);
  const known = new Map<string, { session: Session; until: Millis }>();
  const mayReport = createThrottle(now, reportInterval);
  file?.watch(() => known.clear());

  async function verify(token: string, digest: string): Promise<Session> {
    const before = file?.content;
    const { payload } = await jwtVerify(token, find, {
      ...{ issuer, audience, algorithms, requiredClaims: ["exp", principalClaim] },
      clockTolerance: clockTolerance / 1000,
      currentDate: new Date(now()),
    }).catch((cause: unknown) => {
      const error = refusal(cause);
      if (error.reason === "ISSUER_UNAVAILABLE" && mayReport()) log.error(error.message, { error: cause });
      throw error;
    });
    // A NumericDate may have fractions (RFC 7519, 2), and a time of ours has none.
    const expireTime = Math.floor(Number(payload.exp) * 1000 + clockTolerance);
    const principal = { id: principalIn(payload, principalClaim), role: roleIn(payload[roleClaim]) };
    const session = { principal, expireTime };
    // The keys may have changed meanwhile: what those before have found good is not to outlast them.
    if (file?.content === before) remember(digest, session);
    return session;
  }

  function remember(digest: string, session: Session): void {
    known.set(digest, { session, until: now() + remembered.time });
    const [oldest] = known.keys();
    if (known.size > remembered.tokens && oldest !== undefined) known.delete(oldest);
  }

  return {
    verify(token) {
      const digest = digestOf(token);
      const found = known.get(digest);
      if (found !== undefined && found.until > now()) return found.session;
      known.delete(digest);
      return verify(token, digest);
    },
    reload: async () => await file?.reload(),
    close: () => file?.close(),
  };
}

function principalIn(payload: JWTPayload, claim: string): string {
  const id = payload[claim];
  if (typeof id === "string" && principalPattern.test(id)) return id;
  throw new TaskError("CREDENTIALS_INVALID", `the token's claim ${claim} is no name of a principal`);
}

/** Of several roles the one that may do most counts; without any, its bearer is a client. */
function roleIn(claim: unknown): Role {
  const roles = [claim].flat().filter(isRole);
  return roles.find((role) => role === "admin") ?? roles.find((role) => role === "agent") ?? "client";
}

/** Tells the caller what is wrong with its token, in words of our own: those of others may repeat what the token says. */
function refusal(error: unknown): TaskError {
  const options = { cause: error };
  if (error instanceof errors.JWTExpired) {
    return new TaskError("CREDENTIALS_EXPIRED", "the token's time has passed", {}, options);
  }
  if (error instanceof errors.JWTClaimValidationFailed) {
    const message = `the token's claim ${error.claim} is not what this server takes`;
    return new TaskError("CREDENTIALS_INVALID", message, {}, options);
  }
  if (badTokens.some((kind) => error instanceof kind)) {
    return new TaskError("CREDENTIALS_INVALID", "the token is not one of the issuer's", {}, options);
  }
  const message = "the keys of the tokens' issuer cannot be fetched";
  return new TaskError("ISSUER_UNAVAILABLE", message, { retryAfter: 1000 }, options);
}

const badTokens = [
  errors.JOSEAlgNotAllowed,
  errors.JOSENotSupported,
  errors.JWSInvalid,
  errors.JWTInvalid,
  errors.JWKSNoMatchingKey,
  errors.JWKSMultipleMatchingKeys,
  errors.JWSSignatureVerificationFailed,
];

function requireText(name: string, value: unknown): void {
  if (typeof value !== "string" || value === "") throw invalid(name, "must be given");
}

function invalid(name: string, message: string): TaskError {
  return new TaskError("VALUE_INVALID", `auth.jwt.${name} ${message}`);
}
