import { X509Certificate } from "node:crypto";
import { unwatchFile, watchFile } from "node:fs";
import { readFile } from "node:fs/promises";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import type { Logger } from "../agent.ts";
import { TaskError } from "../errors.ts";
import type { TlsFiles } from "../tls-files.ts";

/** How often the files are looked at, in ms. Looked at, not listened to: a mounted secret is replaced by way of symbolic links. */
const lookInterval = 2_000;

/** Reads the files. Throws VALUE_INVALID if they cannot be read, or are no certificate with its key. */
export async function readCertificates({ cert, key, clientCa }: TlsFiles): Promise<SecureContextOptions> {
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

export interface CertificateWatcher {
  /** Reads the files again and takes what they hold; if they cannot be used, notes that, and what was before stays. */
  reload(): Promise<void>;
  /** Stops looking. */
  close(): void;
}

/** Takes what the files hold whenever one of them has changed. Connections that are open go on as they are. */
export function watchCertificates(
  files: TlsFiles,
  take: (context: SecureContextOptions) => void,
  log: Logger,
): CertificateWatcher {
  const paths = [files.cert, files.key, ...(files.clientCa === undefined ? [] : [files.clientCa])];
  const onChange = () => void reload();
  for (const path of paths) watchFile(path, { interval: lookInterval, persistent: false }, onChange);

  async function reload(): Promise<void> {
    try {
      const context = await readCertificates(files);
      take(context);
      const { subject, validTo } = new X509Certificate(String(context.cert));
      log.info("the certificates were read again", { subject, validTo });
    } catch (error) {
      log.error("the certificates were read again and cannot be used; those before stay", { error });
    }
  }
  return {
    reload,
    close() {
      for (const path of paths) unwatchFile(path, onChange);
    },
  };
}
