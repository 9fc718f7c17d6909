import { TaskError } from "../server/index.ts";
import { flagOfAddress } from "./listen-places.ts";
import type { ServeSettings } from "./serve-options.ts";
import { UsageError } from "./usage-error.ts";

/** The flags of the server's options that files are named by. */
const flags: Readonly<Record<string, string>> = {
  "tls.cert": "--tls-cert",
  "tls.key": "--tls-key",
  "tls.clientCa": "--tls-client-ca",
  "tls.clientCrl": "--tls-client-crl",
  "auth.jwt.jwks": "--jwt-jwks",
};

/**
 * Tells why a server did not start in the words of the command line, which names settings by their flags. What the server refuses of them is
 * a UsageError; an address that cannot be had is none: it may be free the next time.
 */
export function startFault(error: unknown, settings: ServeSettings): unknown {
  if (error instanceof TaskError && error.reason === "VALUE_INVALID") {
    const { fields = [] } = error.details;
    // Others are named in the message.
    const isTold = fields.length > 0 && fields.every(({ field }) => Object.hasOwn(flags, field));
    const told = fields.map(({ field, description }) => `${flags[field]} ${description}`);
    return new UsageError(isTold ? told.join("\n") : error.message);
  }
  if (!(error instanceof Error)) return error;
  const flag = flagOfAddress(error, settings);
  return flag === undefined ? error : new Error(`${flag}: ${error.message}`, { cause: error });
}
