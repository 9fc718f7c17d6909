import { hash, type X509Certificate } from "node:crypto";

/** Takes the revocation lists out of a file in PEM, in which there may be several, with words between. */
export function splitLists(pem: string): string[] {
  return pem.match(/-----BEGIN X509 CRL-----[^-]*-----END X509 CRL-----/g) ?? [];
}

/**
 * Gives all certificates that revocation lists (RFC 5280) name, as `certificateKey` does. The lists are such as TLS has taken already, and
 * each names certificates of its own authority.
 */
export function revokedCertificates(lists: readonly string[]): ReadonlySet<string> {
  return new Set(
    lists.flatMap((pem) => [...keysIn(Buffer.from(pem.replace(/-----[^-]*-----/g, ""), "base64"))]),
  );
}

/** Names a certificate by what tells it from all others: its issuer and its serial number, which each issuer counts by itself. */
export function certificateKey({ raw }: X509Certificate): string {
  const fields = signedFields(raw);
  const number = fields.findIndex(({ tag }) => tag === tags.integer);
  return keyOf(digestOf(fields[number + 2]), fields[number]);
}

const tags = { integer: 0x02, sequence: 0x30, utcTime: 0x17, generalizedTime: 0x18 };

function* keysIn(der: Buffer): Iterable<string> {
  // Its fields are told apart by their tags: the issuer comes before the times, and the certificates, if there are any, after them.
  const fields = signedFields(der);
  const isTime = ({ tag }: Element) => tag === tags.utcTime || tag === tags.generalizedTime;
  const issuer = digestOf(fields[fields.findIndex(isTime) - 1]);
  const revoked = fields[fields.findLastIndex(isTime) + 1];
  if (revoked?.tag !== tags.sequence) return;
  for (const entry of elements(revoked.content)) {
    const [serial] = elements(entry.content);
    yield keyOf(issuer, serial);
  }
}

/** Reads the fields of what an authority has signed: a certificate or a list. */
function signedFields(der: Buffer): Element[] {
  const [whole] = elements(der);
  const [signed] = elements(whole?.content ?? empty);
  return [...elements(signed?.content ?? empty)];
}

function digestOf(name: Element | undefined): string {
  return hash("sha256", name?.content ?? empty, "base64url");
}

function keyOf(issuer: string, serial: Element | undefined): string {
  return `${issuer} ${serial?.content.toString("hex")}`;
}

interface Element {
  tag: number;
  content: Buffer;
}

const empty = Buffer.alloc(0);

/** Reads what stands one after the other in DER (X.690). */
function* elements(der: Buffer): Iterable<Element> {
  for (let at = 0; at < der.length; ) {
    const tag = der.readUInt8(at);
    const first = der.readUInt8(at + 1);
    // From 128 on, it is how many bytes the length has.
    const bytes = first > 0x7f ? first & 0x7f : 0;
    const length = bytes === 0 ? first : der.readUIntBE(at + 2, bytes);
    const begin = at + 2 + bytes;
    yield { tag, content: der.subarray(begin, begin + length) };
    at = begin + length;
  }
}
