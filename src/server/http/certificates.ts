import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import { messageOf } from "../../message-of.ts";
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

async function readCertificates(files: TlsFiles): Promise<TlsContent> {
  const { clientCa, clientCrl } = files;
  const cert = await use("cert", files.cert, (pem) => checked(pem, { cert: pem }));
  const key = await use("key", files.key, (pem) => {
    const isOfCertificate = new X509Certificate(cert).checkPrivateKey(createPrivateKey(pem));
    if (!isOfCertificate) throw new Error(`it is not the key of the certificate in ${files.cert}`);
    return checked(pem, { cert, key: pem });
  });
  if (clientCrl !== undefined && clientCa === undefined) {
    const message = "a revocation list is of no use without the authorities of clients' certificates";
    throw new TaskError("VALUE_INVALID", message);
  }
  const ca = clientCa === undefined ? undefined : await use("clientCa", clientCa, readAuthorities);
  const crl = clientCrl === undefined ? undefined : await use("clientCrl", clientCrl, readLists);
  return {
    context: { cert, key, ...(ca && { ca: ca.pem }), ...(crl && { crl: crl.lists }) },
    authorities: ca?.authorities ?? [],
    revoked: crl?.revoked ?? new Set(),
  };
}

/** Makes what is needed of a file. What is wrong with it is told with the option that names it. */
async function use<T>(option: keyof TlsFiles, path: string, make: (pem: Buffer) => T): Promise<T> {
  try {
    return make(await readFile(path));
  } catch (error) {
    const field = `tls.${option}`;
    const description = `${path} cannot be used: ${messageOf(error)}`;
    const details = { fields: [{ field, description }] };
    throw new TaskError("VALUE_INVALID", `${field} ${description}`, details, { cause: error });
  }
}

function checked(pem: Buffer, context: SecureContextOptions): Buffer {
  createSecureContext(context);
  return pem;
}

/** Node reads one list of each text. */
function readLists(pem: Buffer) {
  const lists = splitLists(String(pem));
  if (lists.length === 0) throw new Error("it holds no revocation list");
  createSecureContext({ crl: lists });
  return { lists, revoked: revokedCertificates(lists) };
}

/** Reads a file in PEM of at least one certificate, with words between. */
function readAuthorities(pem: Buffer) {
  const found = String(pem).match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g);
  const authorities = (found ?? [pem]).map((each) => new X509Certificate(each));
  return { pem: checked(pem, { ca: pem }), authorities };
}
