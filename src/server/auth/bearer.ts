import { TaskError } from "../errors.ts";

/** Gives the token of an Authorization header (RFC 6750), or none if there is no header. Throws CREDENTIALS_INVALID. */
export function bearerToken(header: Headers): string | undefined {
  const value = header.get("authorization");
  if (value === null) return undefined;
  const token = /^bearer +([A-Za-z0-9._~+/-]+=*) *$/i.exec(value)?.[1];
  if (token !== undefined) return token;
  throw new TaskError("CREDENTIALS_INVALID", "the Authorization header must be: Bearer TOKEN");
}
