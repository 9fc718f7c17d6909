import type { DescEnum, DescField, DescMessage } from "@bufbuild/protobuf";
import { rulesOf } from "./services.ts";
import { floatFor, keyFor, type Source, textFor, timeFor, wholeFor } from "./values.ts";

/** Writes a message of a type as JSON, calm or strange. What is written need not be JSON at all. */
export function wildJson(desc: DescMessage, source: Source, depth = 0): string {
  const special = wellKnown(desc, source);
  if (special !== undefined) return special;
  const entries = fieldsToSet(desc, source, depth).map((field) => {
    const name = source.chance(0.2) ? field.name : field.jsonName;
    return `${JSON.stringify(name)}:${fieldText(field, source, depth)}`;
  });
  if (source.chance(source.oddness)) {
    const [first = '"a":1'] = entries;
    entries.push(
      source.pick([
        first,
        '"__proto__":{"polluted":true}',
        '"constructor":{"prototype":{"polluted":true}}',
        '"nosuch":1',
        '"":0',
        "1:2",
        '"a"',
        "",
      ]),
    );
  }
  const text = `{${entries.join(",")}}`;
  return source.chance(source.oddness / 20) ? text.slice(0, source.between(0, text.length)) : text;
}

/** Chooses which fields a message has: of a oneof mostly one, and what is required nearly always. */
export function fieldsToSet(desc: DescMessage, source: Source, depth: number): DescField[] {
  const chosen = new Map(desc.oneofs.map((oneof) => [oneof, source.between(0, oneof.fields.length - 1)]));
  return desc.fields.filter((field) => {
    if (field.oneof !== undefined && !source.chance(source.oddness / 5)) {
      return field.oneof.fields[chosen.get(field.oneof) ?? 0] === field;
    }
    if (rulesOf(field)?.required === true) return source.chance(0.98);
    return source.chance(depth > 6 ? 0.05 : 0.35);
  });
}

/** How many elements a list or a map gets. */
export function countFor(field: DescField, source: Source): number {
  if (!source.chance(source.oddness / 3)) return source.spend(source.between(0, 3));
  const most = rulesOf(field)?.maxItems || 20;
  return source.spend(Math.min(source.pick([most, most + 1, 2 * most]), 2000));
}

function fieldText(field: DescField, source: Source, depth: number): string {
  if (source.chance(source.oddness / 5)) {
    return source.pick([
      "null",
      "[]",
      "{}",
      '""',
      "[null]",
      "1e400",
      "-0",
      "true",
      '"\\ud800"',
      "[[[[]]]]",
      "01",
      "'a'",
    ]);
  }
  const once = () => singleOf(field, source, depth);
  if (field.fieldKind === "list") {
    return `[${Array.from({ length: countFor(field, source) }, once).join(",")}]`;
  }
  if (field.fieldKind === "map") {
    const entries = Array.from({ length: countFor(field, source) }, (_, at) => {
      return `${JSON.stringify(keyFor(source) + (at > 5 ? at : ""))}:${once()}`;
    });
    return `{${entries.join(",")}}`;
  }
  return once();
}

function singleOf(field: DescField, source: Source, depth: number): string {
  if (field.message !== undefined) return depth > 12 ? "{}" : wildJson(field.message, source, depth + 1);
  if (field.enum !== undefined) return enumOf(field.enum, source);
  switch (field.scalar) {
    case 9:
      return JSON.stringify(textFor(field, source));
    case 12:
      return JSON.stringify(bytesOf(source));
    case 8:
      return source.pick(["true", "false"]);
    case 1:
    case 2:
      return numberText(floatFor(source));
    default: {
      const whole = wholeFor(field, source);
      return source.chance(0.5) ? `${whole}` : `"${whole}"`;
    }
  }
}

function enumOf(desc: DescEnum, source: Source): string {
  if (source.chance(source.oddness))
    return source.pick(["-1", "99", '"NO_SUCH"', "2147483648", "1.5", '"__proto__"']);
  return JSON.stringify(source.from(desc.values, undefined)?.name ?? 0);
}

function bytesOf(source: Source): string {
  if (source.chance(source.oddness))
    return source.pick(["%%", "a", "_-_-", "====", "A===", "\u00ff", "AA A"]);
  return Buffer.alloc(source.between(0, 40), source.between(0, 255)).toString("base64");
}

function numberText(value: number): string {
  return Number.isFinite(value) ? String(value) : `"${value}"`;
}

/** Writes the messages that JSON has a form of its own for. */
function wellKnown(desc: DescMessage, source: Source): string | undefined {
  switch (desc.typeName) {
    case "google.protobuf.Timestamp": {
      const { seconds, nanos } = timeFor(source, false);
      const date = new Date(Number(seconds) * 1000);
      if (Number.isNaN(date.getTime()) || source.chance(source.oddness)) {
        return source.pick([
          '"10000-01-01T00:00:00Z"',
          '"2026-02-30T00:00:00Z"',
          '"2026-01-01T24:00:00+99:99"',
          `${seconds}`,
          '"now"',
        ]);
      }
      return JSON.stringify(date.toISOString().replace(".000", nanos > 0 ? `.${nanos}` : ""));
    }
    case "google.protobuf.Duration": {
      const { seconds, nanos } = timeFor(source, true);
      return `"${seconds}${nanos === 0 ? "" : `.${Math.abs(nanos)}`}s"`;
    }
    case "google.protobuf.Struct":
      return objectText(source, 0);
    case "google.protobuf.Value":
      return anyText(source, 0);
    case "google.protobuf.ListValue":
      return `[${anyText(source, 0)}]`;
    default:
      return undefined;
  }
}

function objectText(source: Source, depth: number): string {
  if (source.chance(source.oddness / 10)) return deepText(source);
  const count = source.spend(source.chance(source.oddness / 10) && depth === 0 ? 3000 : source.between(0, 3));
  const entries = Array.from({ length: count }, (_, at) => {
    return `${JSON.stringify(keyFor(source) + (at > 5 ? at : ""))}:${anyText(source, depth + 1)}`;
  });
  return `{${entries.join(",")}}`;
}

/** Objects or lists nested at, beyond or far beyond what is allowed. */
function deepText(source: Source): string {
  const depth = source.spend(source.pick([29, 30, 31, 99, 100, 101, 500, 5000]));
  const open = source.pick(['{"a":', '{"__proto__":', "["]);
  const close = open.startsWith("{") ? "}" : "]";
  const text = open.repeat(depth) + (source.chance(0.9) ? "1" : "") + close.repeat(depth);
  return open === "[" ? `{"a":${text}}` : text;
}

function anyText(source: Source, depth: number): string {
  if (depth < 8 && source.chance(0.2)) return objectText(source, depth + 1);
  if (depth < 8 && source.chance(0.1)) return `[${anyText(source, depth + 1)},${anyText(source, depth + 1)}]`;
  if (source.chance(source.oddness))
    return source.pick([
      "1e400",
      "-1e400",
      "NaN",
      "Infinity",
      '"\\udc00\\ud800"',
      '"\\u0000"',
      "1e-400",
      "00",
      "undefined",
    ]);
  return source.pick(["null", "true", "1", "-2.5", '"text"', "[]", "{}"]);
}
