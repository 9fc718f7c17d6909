import { X509Certificate } from "node:crypto";
import { connect } from "node:tls";
import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import type { ClientCertificate } from "./tls-client.ts";
import { UsageError } from "./usage-error.ts";

/** How long a handshake is waited for, and then for what tells that the server goes on, in ms. */
const patience = 2_000;

/** What a handshake came to. */
interface Handshake {
  /** Whether there was one: the server speaks TLS. */
  readonly isDone: boolean;
  /** The code of what is wrong with the server's certificate. */
  readonly unverified?: string | undefined;
  /** The names that the certificate has, as in `DNS:localhost, IP Address:127.0.0.1`. */
  readonly names?: string | undefined;
  /** Whether the server hung up, before anything came of it. */
  readonly isClosed: boolean;
  /** Why it ended, or never was. An alert of the server's is one. */
  readonly error?: NodeJS.ErrnoException | undefined;
}

/**
 * Makes an interceptor that finds out, of a call that no Pigeonhole has answered, whether TLS is why. If so, the call is rejected with that,
 * and with a UsageError as the cause: what a flag can mend.
 */
export function createTlsInterceptor(url: string, certificate: ClientCertificate | undefined): Interceptor {
  return (next) => async (request) => {
    try {
      return await next(request);
    } catch (error) {
      const isAnswer = ConnectError.from(error).details.length > 0;
      const { signal } = request;
      const fault = isAnswer || signal.aborted ? undefined : await findTlsFault(url, certificate, signal);
      if (fault === undefined) throw error;
      throw new ConnectError(fault, Code.Unavailable, undefined, undefined, new UsageError(fault));
    }
  };
}

/** Tells what of TLS keeps this process from the server, `it`, and which option is to say other. Undefined if TLS does not. */
export async function findTlsFault(
  url: string,
  certificate?: ClientCertificate,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const { protocol, hostname, host, port } = new URL(url);
  const isSecure = protocol === "https:";
  const handshake = await shakeHands(
    {
      host: hostname.replace(/^\[|\]$/g, ""),
      port: Number(port) || (isSecure ? 443 : 80),
      ...certificate,
    },
    signal,
  );
  if (isSecure) return faultOf(handshake, host, hostname) ?? refusalOf(handshake, certificate);
  return handshake.isDone ? `it speaks TLS: --server must be https://${host}` : undefined;
}

/** Tells what the client has against the server. */
function faultOf(handshake: Handshake, host: string, hostname: string): string | undefined {
  const { error, unverified, names } = handshake;
  if (/^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)$/.test(error?.code ?? ""))
    return `it speaks no TLS: --server must be http://${host}`;
  switch (unverified) {
    case undefined:
      return undefined;
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return `its certificate is not for ${hostname}: --server must have one of its names, ${names}`;
    case "CERT_HAS_EXPIRED":
      return "its certificate has expired";
    case "CERT_NOT_YET_VALID":
      return "its certificate is not valid yet, by the clock of this machine";
    default:
      return `no authority that is trusted vouches for its certificate (${unverified}): --ca must name one that does`;
  }
}

/** Tells what the server has against the client. Most say no more than that they hang up. */
function refusalOf(
  { isDone, isClosed, error }: Handshake,
  certificate: ClientCertificate | undefined,
): string | undefined {
  const alert = /\balert (.*)/.exec(reasonOf(error))?.[1];
  // Some servers say no more of a certificate than that the handshake has failed.
  if (alert !== undefined && !/certificate|unknown ca|handshake failure/.test(alert))
    return `its TLS does not take this client (${alert})`;
  if (certificate === undefined)
    return alert && "it takes only clients that show a certificate: --cert and --key must name one";
  if (alert === undefined && !(isDone && isClosed)) return undefined;
  const { validTo, validToDate } = new X509Certificate(certificate.cert);
  if (validToDate.getTime() < Date.now()) return `the certificate of --cert has expired, on ${validTo}`;
  const why = "revoked, or not of an authority of the server's";
  // One that is about to end hangs up as well.
  return alert === undefined
    ? `it hangs up on the certificate of --cert, which may be ${why}`
    : `it does not take the certificate of --cert (${alert}): it is ${why}`;
}

/** OpenSSL's words for an error, as in `tlsv13 alert certificate required`. */
function reasonOf(error: NodeJS.ErrnoException | undefined): string {
  return error !== undefined && "reason" in error ? String(error.reason) : "";
}

/** Shakes hands and sends nothing. A server of HTTP/2 that takes the client begins to speak by itself. */
function shakeHands(
  options: { host: string; port: number } & Partial<ClientCertificate>,
  signal: AbortSignal | undefined,
): Promise<Handshake> {
  // What is wrong with the certificate is what is to be found out.
  const socket = connect({ ...options, ALPNProtocols: ["h2", "http/1.1"], rejectUnauthorized: false });
  return new Promise((resolve) => {
    let shown: Pick<Handshake, "isDone" | "unverified" | "names"> = { isDone: false };
    const end = (isClosed: boolean, error?: Error) => {
      signal?.removeEventListener("abort", leave);
      socket.destroy();
      resolve({ ...shown, isClosed, error });
    };
    const leave = () => end(false);
    signal?.addEventListener("abort", leave);
    socket.setTimeout(patience, leave);
    socket.once("secureConnect", () => {
      // A string by Node's documentation, an Error by its types.
      const unverified = socket.authorized ? undefined : String(socket.authorizationError);
      shown = { isDone: true, unverified, names: socket.getPeerCertificate().subjectaltname };
    });
    socket.once("data", leave);
    socket.on("error", (error) => end(true, error));
    socket.once("close", () => end(true));
  });
}
