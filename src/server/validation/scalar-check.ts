import { type DescEnum, ScalarType } from "@bufbuild/protobuf";
import type { FieldRules } from "../../proto.ts";
import { integerSize, prefixedSize, utf8Size } from "./encoded-size.ts";
import type { Findings } from "./findings.ts";

/** Checks one value, notes what is wrong with it, and counts its bytes encoded, without its tag. */
export type Check = (value: unknown, findings: Findings) => number;

/** Makes the check of one scalar value. Refuses, as a mistake in the proto, a type or a rule that it does not know. */
export function createScalarCheck(type: ScalarType, rules: FieldRules | undefined): Check {
  switch (type) {
    case ScalarType.STRING:
      return createStringCheck(rules);
    case ScalarType.BYTES:
      return createBytesCheck(rules);
    case ScalarType.INT32:
    case ScalarType.INT64:
    case ScalarType.UINT32:
    case ScalarType.UINT64:
      return createIntegerCheck(rules);
    case ScalarType.BOOL:
      return createBoolCheck(rules);
    default:
      throw new Error(`no check for the scalar type ${ScalarType[type]}`);
  }
}

function createStringCheck(rules: FieldRules | undefined): Check {
  const { required = false, maxLength = Number.POSITIVE_INFINITY } = rules ?? {};
  const pattern = compilePattern(rules);
  return (value, findings) => {
    if (typeof value !== "string") return 0;
    if (value.length === 0) {
      if (required) findings.add("must not be empty");
      return 1;
    }
    if (value.length > maxLength) {
      findings.add(`must have at most ${maxLength} characters, has ${value.length}`);
    } else if (!value.isWellFormed()) {
      findings.add("must be well-formed Unicode, without lone surrogates");
    } else if (pattern !== undefined && !pattern.test(value)) {
      findings.add(`must match ${rules?.pattern}`);
    }
    return prefixedSize(utf8Size(value));
  };
}

function createBytesCheck(rules: FieldRules | undefined): Check {
  const { required = false, maxLength = Number.POSITIVE_INFINITY } = rules ?? {};
  return (value, findings) => {
    if (!(value instanceof Uint8Array)) return 0;
    if (required && value.length === 0) findings.add("must not be empty");
    if (value.length > maxLength) findings.add(`must have at most ${maxLength} bytes, has ${value.length}`);
    return prefixedSize(value.length);
  };
}

function createIntegerCheck(rules: FieldRules | undefined): Check {
  const { required = false, min, max } = rules ?? {};
  return (value, findings) => {
    if (typeof value !== "number" && typeof value !== "bigint") return 0;
    // A number and a bigint compare by what they stand for.
    if (min !== undefined && value < min) findings.add(`must be at least ${min}, is ${value}`);
    if (max !== undefined && value > max) findings.add(`must be at most ${max}, is ${value}`);
    if (required && (value === 0 || value === 0n)) findings.add("must not be 0");
    return integerSize(value);
  };
}

function createBoolCheck(rules: FieldRules | undefined): Check {
  const { required = false } = rules ?? {};
  return (value, findings) => {
    if (required && value !== true) findings.add("must be true");
    return 1;
  };
}

/** Makes the check of an enum. A proto3 enum is open, so that any number may come in: it must be one of the known values. */
export function createEnumCheck(desc: DescEnum, options: { allowUnspecified: boolean }): Check {
  return (value, findings) => {
    if (typeof value !== "number") return 0;
    const known = desc.value[value];
    if (known === undefined) findings.add(`must be a value of ${desc.typeName}, is ${value}`);
    else if (value === 0 && !options.allowUnspecified) findings.add(`must not be ${known.name}`);
    return integerSize(value);
  };
}

/**
 * Compiles a pattern, which matches as a whole. A pattern needs a greatest length, which is checked first, so that none
 * is ever tried on a long string.
 */
export function compilePattern(rules: FieldRules | undefined): RegExp | undefined {
  if (rules?.pattern === undefined) return undefined;
  if (rules.maxLength === undefined) throw new Error(`the pattern ${rules.pattern} needs a max_length`);
  return new RegExp(`^(?:${rules.pattern})$`, "u");
}
