import { readFile } from "node:fs/promises";
import { createLocalJWKSet, createRemoteJWKSet, type JWTVerifyGetKey } from "jose";
import { messageOf } from "../../message-of.ts";
import type { Logger } from "../agent.ts";
import { TaskError } from "../errors.ts";
import { type WatchedFiles, watchFiles } from "../watch-files.ts";
import { isKeysPlace, isUrl } from "./keys-place.ts";

/** The keys of an issuer, wherever they are. */
export interface IssuerKeys {
  find: JWTVerifyGetKey;
  /** The file that they are in, if they are in one. */
  file?: WatchedFiles<JWTVerifyGetKey>;
}

/**
 * Opens the keys of an issuer: those of a URL are fetched when they are needed, those of a file are read now, and again when it changes.
 * Rejects with VALUE_INVALID.
 */
export async function openIssuerKeys(jwks: string, log: Logger): Promise<IssuerKeys> {
  if (!isKeysPlace(jwks)) {
    throw invalid("must be an https: URL, or http: on this machine, or the path of a file");
  }
  if (!isUrl(jwks)) {
    const read = () => readKeys(jwks);
    const name = "the keys of the tokens' issuer";
    const file = await watchFiles({ name, paths: [jwks], read, describe: () => ({ file: jwks }), log });
    return { find: (header, token) => file.content(header, token), file };
  }
  return {
    find: createRemoteJWKSet(new URL(jwks), {
      timeoutDuration: 5_000,
      cooldownDuration: 30_000,
      cacheMaxAge: 600_000,
    }),
  };
}

async function readKeys(path: string): Promise<JWTVerifyGetKey> {
  if (path === "") throw invalid("must be given");
  try {
    return createLocalJWKSet(JSON.parse(await readFile(path, "utf8")));
  } catch (error) {
    throw invalid(`${path} is no JSON Web Key Set: ${messageOf(error)}`);
  }
}

function invalid(description: string): TaskError {
  const field = "auth.jwt.jwks";
  return new TaskError("VALUE_INVALID", `${field} ${description}`, { fields: [{ field, description }] });
}
