/** Counts the bytes of a string in UTF-8. */
export function utf8Size(text: string): number {
  return text.length === 0 ? 0 : Buffer.byteLength(text);
}

/** Counts the bytes of a non-negative number, below 2^53, as a protobuf varint. */
export function varintSize(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x200000) return 3;
  if (value < 0x10000000) return 4;
  return Math.ceil((Math.floor(Math.log2(value)) + 1) / 7);
}

/** Counts the bytes of an integer as a protobuf int32, int64, uint32, uint64 or enum. */
export function integerSize(value: number | bigint): number {
  if (value < 0) return 10;
  if (typeof value === "number") return varintSize(value);
  let size = 1;
  for (let rest = value >> 7n; rest > 0n; rest >>= 7n) size++;
  return size;
}

/** Counts the bytes of content together with the length that precedes it. */
export function prefixedSize(size: number): number {
  return varintSize(size) + size;
}
