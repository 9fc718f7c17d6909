import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext, getCACertificates, setDefaultCACertificates } from "node:tls";
import type { Interceptor, Transport } from "@connectrpc/connect";
import { messageOf } from "../message-of.ts";
import type { Options, Values } from "./command.ts";
import { UsageError } from "./usage-error.ts";

/** The options of what talks to a server over TLS that the public authorities know nothing of. */
export const tlsOptions = {
  ca: {
    type: "string",
    value: "file",
    summary: "Trust these authorities too, in PEM. Default: PIGEONHOLE_CA.",
  },
  cert: {
    type: "string",
    value: "file",
    summary: "The certificate by which the server knows who calls, in PEM. Default: PIGEONHOLE_CERT.",
  },
  key: { type: "string", value: "file", summary: "That certificate's private key. Default: PIGEONHOLE_KEY." },
} as const satisfies Options;

export type TlsFlags = Values<typeof tlsOptions>;

/** Trusts the authorities that the options name, for all that this process connects to from here on. */
export function trustAuthorities({ ca = process.env.PIGEONHOLE_CA ?? "" }: TlsFlags): void {
  if (ca === "") return;
  const authorities = read("ca", ca);
  try {
    // What holds none is taken without a word.
    new X509Certificate(authorities);
  } catch (error) {
    throw new UsageError(`--ca is no file of certificates in PEM: ${messageOf(error)}`);
  }
  setDefaultCACertificates([...getCACertificates("default"), authorities]);
}

/** A certificate to show, and its key, in PEM. */
export interface ClientCertificate {
  cert: string;
  key: string;
}

/** Reads the certificate that the options name, if they name one. */
export function clientCertificate(flags: TlsFlags): ClientCertificate | undefined {
  const { cert = process.env.PIGEONHOLE_CERT ?? "", key = process.env.PIGEONHOLE_KEY ?? "" } = flags;
  if (cert === "" && key === "") return undefined;
  if (cert === "" || key === "") throw new UsageError("a client certificate needs both --cert and --key");
  const certificate = { cert: read("cert", cert), key: read("key", key) };
  try {
    createSecureContext(certificate);
  } catch (error) {
    throw new UsageError(`--cert and --key are no certificate with its key: ${messageOf(error)}`);
  }
  return certificate;
}

/** Makes a transport that shows a certificate: `fetch` cannot. */
export function certificateTransport(
  nodeOptions: ClientCertificate,
  baseUrl: string,
  interceptors: Interceptor[],
): Transport {
  // Loaded at the first call: most command lines show no certificate.
  const load = async () => {
    const { createConnectTransport } = await import("@connectrpc/connect-node");
    return createConnectTransport({
      baseUrl,
      httpVersion: "2",
      interceptors,
      nodeOptions,
      useBinaryFormat: true,
      pingIntervalMs: 30_000,
    });
  };
  let loaded: Promise<Transport> | undefined;
  const transport = () => {
    loaded ??= load();
    return loaded;
  };
  return {
    unary: async (...args) => (await transport()).unary(...args),
    stream: async (...args) => (await transport()).stream(...args),
  };
}

function read(option: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new UsageError(`--${option} cannot be read: ${messageOf(error)}`);
  }
}
