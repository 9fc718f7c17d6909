import type { Source } from "./values.ts";

/** Changes bytes as a fault or an attacker would: a few times each, anywhere. `other` is what pieces are taken from. */
export function mutate(bytes: Uint8Array, other: Uint8Array, source: Source): Uint8Array {
  let result: Buffer<ArrayBuffer> = Buffer.from(bytes);
  for (let times = source.between(1, 4); times > 0; times--) result = once(result, other, source);
  return result;
}

function once(bytes: Buffer<ArrayBuffer>, other: Uint8Array, source: Source): Buffer<ArrayBuffer> {
  const at = source.between(0, Math.max(0, bytes.length - 1));
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
  switch (source.between(0, 6)) {
    case 0: {
      const flipped = Buffer.from(bytes);
      if (at < flipped.length) flipped[at] = (flipped[at] ?? 0) ^ (1 << source.between(0, 7));
      return flipped;
    }
    case 1:
      return before;
    case 2:
      return Buffer.concat([before, after.subarray(source.between(1, 8))]);
    case 3:
      return Buffer.concat([before, after.subarray(0, 16), after]);
    case 4: {
      const from = source.between(0, other.length);
      return Buffer.concat([before, other.subarray(from, from + 32), after]);
    }
    case 5:
      return Buffer.concat([
        before,
        Buffer.from(source.pick(["ff", "00", "80", "ffffffffffffffffff01", "0b", "0c"]), "hex"),
        after,
      ]);
    default: {
      const overwritten = Buffer.from(bytes);
      overwritten.fill(source.between(0, 255), at, Math.min(bytes.length, at + source.between(1, 4)));
      return overwritten;
    }
  }
}
