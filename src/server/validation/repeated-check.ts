import type { FieldRules } from "../../proto.ts";
import { prefixedSize, utf8Size } from "./encoded-size.ts";
import { type Check, compilePattern } from "./scalar-check.ts";

/** A message, a oneof or a map, as protobuf-es holds it. */
export type Fields = Record<string, unknown>;

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null;
}

/** Makes the check of a list. Its count is checked before any element is looked at; of parts, the operator may allow fewer. */
export function createListCheck(
  element: Check,
  tag: number,
  bounds: FieldRules | undefined,
  isParts: boolean,
): Check {
  const { required, maxItems = Number.POSITIVE_INFINITY, maxBytes = Number.POSITIVE_INFINITY } = bounds ?? {};
  return (value, findings) => {
    if (!Array.isArray(value)) return 0;
    if (required && value.length === 0) findings.add("must not be empty");
    const most = isParts ? Math.min(maxItems, findings.bounds.maxParts) : maxItems;
    if (value.length > most) {
      findings.add(`must have at most ${most} elements, has ${value.length}`);
      return 0;
    }
    let together = 0;
    let size = tag * (value.length - 1);
    for (let index = 0; index < value.length && !findings.full; index++) {
      findings.enter(index);
      const elementSize = element(value[index], findings);
      findings.leave();
      together += elementSize;
      size += prefixedSize(elementSize);
    }
    if (together > maxBytes)
      findings.add(`must together have at most ${maxBytes} bytes encoded, have ${together}`);
    return size;
  };
}

/** Makes the check of a map with strings as keys. Its count is checked before any entry is looked at. */
export function createMapCheck(valueCheck: Check, tag: number, bounds: FieldRules | undefined): Check {
  const {
    required,
    maxItems = Number.POSITIVE_INFINITY,
    maxLength = Number.POSITIVE_INFINITY,
  } = bounds ?? {};
  const pattern = compilePattern(bounds);
  return (value, findings) => {
    if (!isFields(value)) return 0;
    const keys = Object.keys(value);
    if (required && keys.length === 0) findings.add("must not be empty");
    if (keys.length > maxItems) {
      findings.add(`must have at most ${maxItems} entries, has ${keys.length}`);
      return 0;
    }
    let size = tag * (keys.length - 1);
    for (const key of keys) {
      if (findings.full) break;
      findings.enter({ key });
      if (key.length > maxLength)
        findings.add(`the key must have at most ${maxLength} characters, has ${key.length}`);
      else if (!key.isWellFormed())
        findings.add("the key must be well-formed Unicode, without lone surrogates");
      else if (pattern !== undefined && !pattern.test(key))
        findings.add(`the key must match ${bounds?.pattern}`);
      size += prefixedSize(1 + prefixedSize(utf8Size(key)) + 1 + valueCheck(value[key], findings));
      findings.leave();
    }
    return size;
  };
}
