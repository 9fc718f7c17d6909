import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import type { Logger } from "../agent.ts";
import { TaskError } from "../errors.ts";
import type { TlsFiles } from "../tls-files.ts";
import { type WatchedFiles, watchFiles } from "../watch-files.ts";
import { revokedCertificates, splitLists } from "./revoked-certificates.ts";

/** What the files of TLS hold. */
export interface TlsContent {
  context: SecureContextOptions;
  /** The certificates by which those of clients are verified. */
  authorities: readonly X509Certificate[];
  /** The certificates of clients that were revoked, as `certificateKey` names them. */
  revoked: ReadonlySet<string>;
}

/** What TLS is made of, as the files hold it. */
export type Certificates = WatchedFiles<TlsContent>;

/** Opens the files of TLS. Rejects with VALUE_INVALID if they cannot be read, or are not what they should be. */
export function openCertificates(files: TlsFiles, log: Logger): Promise<Certificates> {
  const { cert, key, clientCa, clientCrl } = files;
  return watchFiles({
    name: "the certificates",
    paths: [cert, key, clientCa, clientCrl].filter((path) => path !== undefined),
    read: () => readCertificates(files),
    describe({ context, revoked }) {
      const { subject, validTo } = new X509Certificate(String(context.cert));
      return { subject, validTo, ...(clientCrl !== undefined && { revoked: revoked.size }) };
    },
    log,
  });
}

async function readCertificates({ cert, key, clientCa, clientCrl }: TlsFiles): Promise<TlsContent> {
  try {
    const [certPem, keyPem, ca, crlPem] = await Promise.all([
      readFile(cert),
      readFile(key),
      clientCa === undefined ? undefined : readFile(clientCa),
      clientCrl === undefined ? undefined : readFile(clientCrl, "utf8"),
    ]);
    const authorities = ca === undefined ? [] : readAuthorities(ca);
    if (crlPem !== undefined && ca === undefined)
      throw new Error("a revocation list is of no use without the authorities of clients' certificates");
    // Node reads one list of each text.
    const crl = crlPem === undefined ? undefined : splitLists(crlPem);
    if (crl?.length === 0) throw new Error(`${clientCrl} holds no revocation list`);
    const context = { cert: certPem, key: keyPem, ...(ca && { ca }), ...(crl && { crl }) };
    createSecureContext(context);
    return { context, authorities, revoked: revokedCertificates(crl ?? []) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new TaskError("VALUE_INVALID", `the files of TLS cannot be used: ${message}`, {}, { cause: error });
  }
}

/** Reads a file in PEM of at least one certificate, with words between. */
function readAuthorities(pem: Buffer): X509Certificate[] {
  const found = String(pem).match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g);
  return (found ?? [pem]).map((each) => new X509Certificate(each));
}
