import type { JsonObject } from "@bufbuild/protobuf";
import { messageOf } from "../message-of.ts";
import { isKeysPlace } from "../server/auth/keys-place.ts";
import { isHostName } from "../server/http/host-check.ts";
import { isOrigin } from "../server/http/origin.ts";
import { UsageError } from "./usage-error.ts";

const units: Record<string, number> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

const sizes: Record<string, number> = { KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, TiB: 1024 ** 4 };

/** The longest span that is parsed, in ms: a hundred years. What it is for has bounds of its own; a time this far ahead can still be told. */
const longestSpan = 36_525 * 86_400_000;

/** Parses a span of time, such as `10m`, `1h30m`, `500ms` or `2d`, into milliseconds: at most a hundred years. */
export function parseDuration(name: string, text: string): number {
  const span = spanOf(text);
  if (span !== undefined && span <= longestSpan) return span;
  if (span !== undefined) throw new UsageError(`--${name} must be at most a hundred years, not ${text}`);
  throw new UsageError(`--${name} must be a time such as 30s, 10m, 1h30m or 2d, not ${JSON.stringify(text)}`);
}

function spanOf(text: string): number | undefined {
  if (!/^(\d+(ms|s|m|h|d|w))+$/.test(text)) return undefined;
  return [...text.matchAll(/(\d+)([a-z]+)/g)].reduce(
    (sum, [, count, unit = ""]) => sum + Number(count) * (units[unit] ?? 0),
    0,
  );
}

/** Dates as ISO 8601 has them, with or without a time of day. */
const isoTime = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/;

/** Parses a point in time, such as `2030-01-31T09:00:00Z`. Whatever else `Date` makes of a text, as of `5` a day in 2001, is a mistake. */
export function parseTime(name: string, text: string): Date {
  const time = new Date(isoTime.test(text) ? text : Number.NaN);
  if (!Number.isNaN(time.getTime()) && isDay(text.slice(0, 10))) return time;
  throw new UsageError(`--${name} must be a time such as 2030-01-31T09:00:00Z, not ${JSON.stringify(text)}`);
}

/** Tells whether a month has a day: `Date` takes the 31st of February for the 3rd of March. */
function isDay(date: string): boolean {
  return new Date(date).toISOString().startsWith(date);
}

/** Parses a whole number within its bounds, if there is one. */
export function parseNumber(
  name: string,
  text: string | undefined,
  min: number,
  max: number,
): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new UsageError(`--${name} must be a whole number from ${min} to ${max}, not ${JSON.stringify(text)}`);
}

/** Makes what parses a whole number within its bounds. */
export function wholeNumber(min: number, max: number): (name: string, text: string) => number {
  return (name, text) => parseNumber(name, text, min, max) ?? min;
}

const quantities = {
  seconds: { such: "30s, 10m or 1h30m", read: (text: string) => (spanOf(text) ?? Number.NaN) / 1000 },
  bytes: { such: "64KiB, 4MiB or 1GiB", read: bytesOf },
} as const;

/** Makes what parses how much there may be of something: a whole number of its unit, or with another unit, as in `10m` or `4MiB`. */
export function quantity(
  unit: keyof typeof quantities,
  min: number,
  max: number,
): (name: string, text: string) => number {
  const { such, read } = quantities[unit];
  return (name, text) => {
    const value = /^\d+$/.test(text) ? Number(text) : read(text);
    if (Number.isInteger(value) && value >= min && value <= max) return value;
    throw new UsageError(
      `--${name} must be a whole number of ${unit} from ${min} to ${max}, or such as ${such}, not ${JSON.stringify(text)}`,
    );
  };
}

function bytesOf(text: string): number {
  const [, count, unit = ""] = /^(\d+) ?([KMGT]iB)$/.exec(text) ?? [];
  return Number(count) * (sizes[unit] ?? 0);
}

/** Parses where a store is: `sqlite:PATH` or `memory:`. */
export function parseStore(name: string, text: string): string {
  if (text === "memory:" || /^sqlite:./s.test(text)) return text;
  throw new UsageError(`--${name} must be sqlite:PATH or memory:, not ${JSON.stringify(text)}`);
}

/** Parses a URL of http or https. */
export function parseHttpUrl(name: string, text: string): string {
  if (/^https?:$/.test(URL.parse(text)?.protocol ?? "")) return text;
  throw new UsageError(`--${name} must be an http: or https: URL, not ${JSON.stringify(text)}`);
}

/** Parses an origin whose pages may call, or `*`. */
export function parseOrigin(name: string, text: string): string {
  if (text === "*" || isOrigin(text)) return text;
  throw new UsageError(
    `--${name} must be an origin such as https://example.com, or *, not ${JSON.stringify(text)}`,
  );
}

/** Parses the name of a host. */
export function parseHostName(name: string, text: string): string {
  if (isHostName(text)) return text;
  throw new UsageError(
    `--${name} must be a host's name such as pigeonhole.example, not ${JSON.stringify(text)}`,
  );
}

/** Parses where the keys of an issuer are. */
export function parseKeysPlace(name: string, text: string): string {
  if (isKeysPlace(text)) return text;
  throw new UsageError(
    `--${name} must be an https: URL, or http: on this machine, or the path of a file, not ${JSON.stringify(text)}`,
  );
}

/** Parses how many items to show. Everything for `all`. */
export function parseLimit(text = "100"): number {
  if (text === "all") return Number.POSITIVE_INFINITY;
  return parseNumber("limit", text, 1, Number.MAX_SAFE_INTEGER) ?? 100;
}

/** Parses JSON. */
export function parseJson(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = messageOf(error);
    throw new UsageError(`--${name} must be JSON: ${reason}`);
  }
}

/** Parses a JSON object. */
export function parseJsonObject(name: string, text: string): JsonObject {
  const value = parseJson(name, text);
  if (isJsonObject(value)) return value;
  throw new UsageError(`--${name} must be a JSON object, such as '{"a": 1}'`);
}

/** Parses `KEY=VALUE`s. */
export function parsePairs(name: string, pairs: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf("=");
      if (at < 1) throw new UsageError(`--${name} must be KEY=VALUE, not ${JSON.stringify(pair)}`);
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}

/** The names of an enum as options have them: `input-required` for INPUT_REQUIRED. Without UNSPECIFIED. */
export function choicesOf(names: object): string[] {
  return Object.keys(names)
    .filter((name) => /^[A-Z]/.test(name) && name !== "UNSPECIFIED")
    .map((name) => name.toLowerCase().replaceAll("_", "-"));
}

/** Finds the value of an enum by its name in an option. The name is one of choicesOf. */
export function choiceOf<E extends number>(names: Record<string, string | E>, choice: string): E {
  const value = names[choice.toUpperCase().replaceAll("-", "_")];
  if (typeof value === "number") return value;
  throw new UsageError(`${JSON.stringify(choice)} is none of ${choicesOf(names).join(", ")}`);
}

/** Parses values of an enum, such as `queued,processing`, in one option or in several; also as they are shown: `DEAD_LETTERED`. */
export function parseChoices<E extends number>(
  name: string,
  names: Record<string, string | E>,
  texts: readonly string[] = [],
): E[] {
  return texts
    .flatMap((text) => text.split(","))
    .map((text) => {
      const choice = text.toLowerCase().replaceAll("_", "-");
      if (choicesOf(names).includes(choice)) return choiceOf(names, choice);
      throw new UsageError(
        `--${name} must be one of ${choicesOf(names).join(", ")}, not ${JSON.stringify(text)}`,
      );
    });
}

function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Makes what parses one of several words. */
export function oneOf<Choice extends string>(
  ...choices: readonly Choice[]
): (name: string, text: string) => Choice {
  return (name, text) => {
    const found = choices.find((choice) => choice === text);
    if (found !== undefined) return found;
    throw new UsageError(`--${name} must be one of ${choices.join(", ")}, not ${JSON.stringify(text)}`);
  };
}
