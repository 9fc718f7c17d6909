import type { VerifyWebhook } from "./incoming-webhook.ts";
import {
  type Algorithm,
  invalid,
  isSigned,
  keysOf,
  requireHeader,
  type Secrets,
  type SignatureEncoding,
  signatureInvalid,
} from "./signing.ts";

export interface HmacSignatureOptions {
  /** The secret that the provider shares, or several of which any will do. */
  secret: Secrets;
  /** The header that has the signature of the body. */
  header: string;
  /** Default `sha256`. */
  algorithm?: Algorithm;
  /** Default `hex`, in lower case. */
  encoding?: SignatureEncoding;
  /** What stands before the signature in its header, as in `sha256=`. Default nothing. */
  prefix?: string;
  /** The header that has the id of the delivery. The signature does not cover it. Default none: every request is an event. */
  deliveryIdHeader?: string;
}

/**
 * Verifies an HMAC of the body by a shared secret. Throws VALUE_INVALID if there is no secret, or an option is none that it knows.
 *
 * Nothing in such a signature tells when it was made: whoever has seen a request may send it again, as another delivery.
 */
export function hmacSignature(options: HmacSignatureOptions): VerifyWebhook {
  const { header, algorithm = "sha256", encoding = "hex", prefix = "", deliveryIdHeader } = options;
  const keys = keysOf(options.secret);
  for (const name of [header, deliveryIdHeader ?? "x"]) requireHeaderName(name);
  if (!["sha1", "sha256", "sha384", "sha512"].includes(algorithm)) {
    throw invalid(`the algorithm must be sha1, sha256, sha384 or sha512, not ${algorithm}`);
  }
  if (!["hex", "base64", "base64url"].includes(encoding)) {
    throw invalid(`the encoding must be hex, base64 or base64url, not ${encoding}`);
  }
  return (request) => {
    const written = requireHeader(request, header);
    if (!written.startsWith(prefix)) throw signatureInvalid(`the header ${header} has no ${prefix}`);
    const signature = written.slice(prefix.length);
    if (!isSigned([signature], [request.body], keys, algorithm, encoding)) throw signatureInvalid();
    return { deliveryId: deliveryIdHeader && (request.headers.get(deliveryIdHeader) ?? undefined) };
  };
}

function requireHeaderName(name: string): void {
  if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name)) throw invalid(`${JSON.stringify(name)} is no name of a header`);
}
