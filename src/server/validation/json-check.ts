import { isMessage } from "@bufbuild/protobuf";
import { type Struct, type Value, ValueSchema } from "@bufbuild/protobuf/wkt";
import { prefixedSize, utf8Size } from "./encoded-size.ts";
import type { Findings } from "./findings.ts";

/** Checks a JSON value, notes what is wrong with it, and counts the bytes of its google.protobuf.Struct or Value encoded. */
export type JsonCheck = (value: unknown, findings: Findings) => number;

/**
 * Makes the check of a google.protobuf.Struct that protobuf-es holds as a plain object, as it does with every field of
 * that type.
 */
export function createStructCheck(maxDepth: number): JsonCheck {
  return (value, findings) => objectSize(value, 1, maxDepth, findings);
}

/** Makes the check of a google.protobuf.Value. */
export function createValueCheck(maxDepth: number): JsonCheck {
  return (value, findings) => (isMessage(value, ValueSchema) ? valueSize(value, 1, maxDepth, findings) : 0);
}

function objectSize(value: unknown, depth: number, maxDepth: number, findings: Findings): number {
  if (typeof value !== "object" || value === null || isTooDeep(depth, maxDepth, findings)) return 0;
  let size = 0;
  // Own names only: "__proto__" is a key like any other here, as it is in protobuf-es.
  for (const [key, member] of Object.entries(value)) {
    if (findings.full) break;
    findings.enter(key);
    size += entrySize(key, jsonSize(member, depth + 1, maxDepth, findings), findings);
    findings.leave();
  }
  return size;
}

function jsonSize(value: unknown, depth: number, maxDepth: number, findings: Findings): number {
  if (typeof value === "string") return stringSize(value, findings);
  if (typeof value === "number") return numberSize(value, findings);
  if (!Array.isArray(value)) {
    return typeof value === "object" && value !== null
      ? 1 + prefixedSize(objectSize(value, depth, maxDepth, findings))
      : 2;
  }
  if (isTooDeep(depth, maxDepth, findings)) return 0;
  return 1 + prefixedSize(listSize(value, (item) => jsonSize(item, depth + 1, maxDepth, findings), findings));
}

function valueSize(value: Value, depth: number, maxDepth: number, findings: Findings): number {
  const { kind } = value;
  switch (kind.case) {
    case "stringValue":
      return stringSize(kind.value, findings);
    case "numberValue":
      return numberSize(kind.value, findings);
    case "structValue":
      return 1 + prefixedSize(structSize(kind.value, depth, maxDepth, findings));
    case "listValue": {
      if (isTooDeep(depth, maxDepth, findings)) return 0;
      const check = (item: Value) => valueSize(item, depth + 1, maxDepth, findings);
      return 1 + prefixedSize(listSize(kind.value.values, check, findings));
    }
    case undefined:
      // It is not null and has no JSON: whoever asked for it as JSON would get an error.
      findings.add("must have a kind; null is null_value");
      return 0;
    default:
      return 2;
  }
}

function structSize(struct: Struct, depth: number, maxDepth: number, findings: Findings): number {
  if (isTooDeep(depth, maxDepth, findings)) return 0;
  let size = 0;
  for (const [key, value] of Object.entries(struct.fields)) {
    if (findings.full) break;
    findings.enter(key);
    size += entrySize(key, valueSize(value, depth + 1, maxDepth, findings), findings);
    findings.leave();
  }
  return size;
}

function listSize<T>(items: T[], check: (item: T) => number, findings: Findings): number {
  let size = 0;
  for (let index = 0; index < items.length && !findings.full; index++) {
    const item = items[index];
    if (item === undefined) continue;
    findings.enter(index);
    size += 1 + prefixedSize(check(item));
    findings.leave();
  }
  return size;
}

function entrySize(key: string, valueSize: number, findings: Findings): number {
  if (!key.isWellFormed()) findings.add("the key must be well-formed Unicode, without lone surrogates");
  return 1 + prefixedSize(1 + prefixedSize(utf8Size(key)) + 1 + prefixedSize(valueSize));
}

function stringSize(text: string, findings: Findings): number {
  if (!text.isWellFormed()) findings.add("must be well-formed Unicode, without lone surrogates");
  return 1 + prefixedSize(utf8Size(text));
}

function numberSize(value: number, findings: Findings): number {
  if (!Number.isFinite(value)) findings.add("must be a finite number");
  return 9;
}

function isTooDeep(depth: number, maxDepth: number, findings: Findings): boolean {
  const most = Math.min(maxDepth, findings.bounds.maxDepth);
  if (depth <= most) return false;
  findings.add(`must be nested at most ${most} deep`);
  return true;
}
