import type { DescField } from "@bufbuild/protobuf";
import { createRandom, type Random } from "../../crash-random.ts";
import { rulesOf } from "./services.ts";

/** Where the values of a message come from. */
export interface Source extends Random {
  /** One of several, which may be none. */
  from<T>(items: readonly T[], otherwise: T): T;
  /** How likely it is that a value is a strange one. Chosen anew for each message: most are to get past the first check. */
  oddness: number;
  /** Takes a number of elements or characters out of what the message may still have, as many as there are. */
  spend(wanted: number): number;
  /** What a server has that is fuzzed, by the names of the fields that it goes into. */
  known: ReadonlyMap<string, readonly string[]>;
}

/** How many characters and elements a message has at most, about. */
const maxSize = 200_000;

export function createSource(seed: number, known: Source["known"]): Source {
  const random = createRandom(seed);
  let left = maxSize;
  return {
    ...random,
    known,
    spend(wanted) {
      const granted = Math.min(wanted, left);
      left -= granted;
      return granted;
    },
    oddness: random.pick([0, 0, 0.02, 0.1, 0.5]),
    from: (items, otherwise) => items[random.between(0, items.length - 1)] ?? otherwise,
  };
}

/** Texts that have been too much for somebody. */
const oddTexts: readonly string[] = [
  "",
  " ",
  "\0",
  "a\0b",
  "\r\nx-injected: 1\r\n\r\n",
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "../../../etc/passwd",
  "..\\..\\x",
  "%2e%2e%2f",
  "' or 1=1; --",
  '"',
  "%s%n%d",
  "#{7*7}",
  "<script>alert(1)</script>",
  "\u202e\u2066",
  "\ufeff",
  "\ufffe\uffff",
  "a\u0301".repeat(50),
  "👩‍👩‍👧‍👦".repeat(10),
  "\u{10ffff}",
  "null",
  "NaN",
  "-1",
  "1e999",
  "9223372036854775808",
  "pigeonhole.task.ended",
  "* * * * *",
  "*/0 * * * *",
  "0 0 31 2 *",
  `${"1,".repeat(60)}1 * * * *`,
  "L W ? # *",
  "https://127.0.0.1/",
  "https://[::ffff:10.0.0.1]/",
  "https://0x7f.1/",
  "http://localhost:1/",
  "https://a.example/",
  "file:///etc/passwd",
  `data:${",".repeat(200)}`,
  "whsec_AAAA",
  "eyJ9",
  "e30",
  "AAAAAAAAAAAAAAAA",
];

const calmTexts: readonly string[] = ["a", "hello", "one two", "Zoë", "x-1", "2026-01-01T00:00:00Z"];

/** Makes a text: often one that the server knows for that field, else calm, odd, or about as long as it may be. */
export function textFor(field: DescField, source: Source): string {
  const known = source.known.get(field.name);
  if (known !== undefined && source.chance(0.8)) return source.from(known, "");
  if (!source.chance(source.oddness)) return source.from(calmTexts, "a");
  if (source.chance(0.7)) return source.from(oddTexts, "");
  const most = rulesOf(field)?.maxLength || source.pick([64, 1000, 5000]);
  const length = source.pick([most - 1, most, most + 1, most * 2]);
  return source.pick(["a", "(", "a-", "é", "😀", "\\", '"']).repeat(source.spend(length)).slice(0, length);
}

const edges: readonly bigint[] = [0n, 1n, 7n, 8n, 16n, 31n, 32n, 53n, 63n, 64n, 65n].flatMap((bits) => {
  const power = 1n << bits;
  return [power - 1n, power, power + 1n, -power, -power - 1n];
});

/** Makes a whole number at an edge of some type or bound, or a small one. */
export function wholeFor(field: DescField, source: Source): bigint {
  if (!source.chance(source.oddness)) return BigInt(source.between(0, 5));
  const { min = 0n, max = 0n } = rulesOf(field) ?? {};
  return source.chance(0.5) ? source.from(edges, 0n) : source.from([min - 1n, min, max, max + 1n], 0n);
}

export function floatFor(source: Source): number {
  return source.chance(source.oddness)
    ? source.pick([
        Number.NaN,
        Number.POSITIVE_INFINITY,
        Number.NEGATIVE_INFINITY,
        -0,
        5e-324,
        2 ** 53 + 2,
        -1e21,
      ])
    : source.pick([0, 1, -1.5, 42, 0.1]);
}

/** A number of seconds and nanoseconds: near now, or where something ends. */
export function timeFor(source: Source, isSpan: boolean): { seconds: bigint; nanos: number } {
  if (!source.chance(source.oddness)) {
    const base = isSpan ? 0 : Math.floor(Date.now() / 1000);
    return { seconds: BigInt(base + source.pick([0, 1, 60, 3600])), nanos: 0 };
  }
  return {
    seconds: source.from(
      [...edges, 253402300799n, 253402300800n, -62135596800n, -62135596801n, 315576000000n, 315576000001n],
      0n,
    ),
    nanos: source.pick([0, 1, 999_999_999, 1_000_000_000, -1, -999_999_999, 2 ** 31 - 1, -(2 ** 31)]),
  };
}

/** The keys of objects and maps. */
export function keyFor(source: Source): string {
  return source.chance(source.oddness)
    ? source.from(oddTexts, "__proto__")
    : source.pick(["a", "b", "key", "x.y", "polluted"]);
}
