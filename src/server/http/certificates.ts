import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import type { Logger } from "../agent.ts";
import { TaskError } from "../errors.ts";
import type { TlsFiles } from "../tls-files.ts";
import { type WatchedFiles, watchFiles } from "../watch-files.ts";

/** What TLS is made of, as the files hold it. */
export type Certificates = WatchedFiles<SecureContextOptions>;

/** Opens the files of TLS. Rejects with VALUE_INVALID if they cannot be read, or are no certificate with its key. */
export function openCertificates(files: TlsFiles, log: Logger): Promise<Certificates> {
  const { cert, key, clientCa } = files;
  return watchFiles({
    name: "the certificates",
    paths: [cert, key, clientCa].filter((path) => path !== undefined),
    read: () => readCertificates(files),
    describe(context) {
      const { subject, validTo } = new X509Certificate(String(context.cert));
      return { subject, validTo };
    },
    log,
  });
}

async function readCertificates({ cert, key, clientCa }: TlsFiles): Promise<SecureContextOptions> {
  try {
    const [certPem, keyPem, ca] = await Promise.all([
      readFile(cert),
      readFile(key),
      clientCa === undefined ? undefined : readFile(clientCa),
    ]);
    if (ca !== undefined) new X509Certificate(ca);
    const context = { cert: certPem, key: keyPem, ...(ca !== undefined && { ca }) };
    createSecureContext(context);
    return context;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new TaskError("VALUE_INVALID", `the files of TLS cannot be used: ${message}`, {}, { cause: error });
  }
}
