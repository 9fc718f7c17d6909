/** Takes the revocation lists out of a file in PEM, in which there may be several, with words between. */
export function splitLists(pem: string): string[] {
  return pem.match(/-----BEGIN X509 CRL-----[^-]*-----END X509 CRL-----/g) ?? [];
}

/**
 * Gives the serial numbers of all certificates that revocation lists (RFC 5280) name, as `serialOf` writes them. The lists are such as TLS
 * has taken already.
 *
 * Of whom they are is not looked at: what is found in another authority's list has to connect again, and is judged then.
 */
export function revokedSerials(lists: readonly string[]): ReadonlySet<string> {
  return new Set(
    lists.flatMap((pem) => [...serialsIn(Buffer.from(pem.replace(/-----[^-]*-----/g, ""), "base64"))]),
  );
}

/** Writes a serial number in hexadecimal digits without leading zeros. */
export function serialOf(hex: string): string {
  return hex.toUpperCase().replace(/^0+/, "");
}

const tags = { sequence: 0x30, utcTime: 0x17, generalizedTime: 0x18 };

function* serialsIn(der: Buffer): Iterable<string> {
  const [list] = elements(der);
  const [signed] = elements(list?.content ?? empty);
  // Its fields are told apart by their tags: the certificates, if there are any, follow the times.
  const fields = [...elements(signed?.content ?? empty)];
  const isTime = ({ tag }: Element) => tag === tags.utcTime || tag === tags.generalizedTime;
  const revoked = fields[fields.findLastIndex(isTime) + 1];
  if (revoked?.tag !== tags.sequence) return;
  for (const entry of elements(revoked.content)) {
    const [serial] = elements(entry.content);
    if (serial !== undefined) yield serialOf(serial.content.toString("hex"));
  }
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
