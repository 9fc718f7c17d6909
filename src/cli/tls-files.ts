import type { TlsFiles } from "../server/index.ts";
import type { ServeSettings } from "./serve-options.ts";
import { UsageError } from "./usage-error.ts";

/** Reads which files TLS is made of, if the command line asks for TLS. */
export function tlsFiles(settings: ServeSettings): TlsFiles | undefined {
  const {
    "tls-cert": cert,
    "tls-key": key,
    "tls-client-ca": clientCa,
    "tls-client-crl": clientCrl,
  } = settings;
  if ([cert, key, clientCa, clientCrl].every((file) => file === undefined)) return undefined;
  if (cert === undefined || key === undefined)
    throw new UsageError("TLS needs both --tls-cert and --tls-key");
  if (clientCrl !== undefined && clientCa === undefined)
    throw new UsageError("--tls-client-crl needs --tls-client-ca");
  return {
    cert,
    key,
    ...(clientCa !== undefined && { clientCa }),
    ...(clientCrl !== undefined && { clientCrl }),
  };
}
