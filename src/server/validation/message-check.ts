import {
  type DescField,
  type DescMessage,
  type DescOneof,
  getOption,
  hasOption,
  ScalarType,
} from "@bufbuild/protobuf";
import { DurationSchema, StructSchema, TimestampSchema, ValueSchema } from "@bufbuild/protobuf/wkt";
import { type FieldRules, oneofRequired, PartSchema, rules } from "../../proto.ts";
import { prefixedSize, varintSize } from "./encoded-size.ts";
import type { Findings } from "./findings.ts";
import { createStructCheck, createValueCheck } from "./json-check.ts";
import { createListCheck, createMapCheck, type Fields, isFields } from "./repeated-check.ts";
import { type Check, createEnumCheck, createScalarCheck } from "./scalar-check.ts";
import { createDurationCheck, timestampCheck } from "./time-check.ts";

/** Checks one member of a message, and counts its bytes encoded, with its tag. */
type MemberCheck = (message: Fields, findings: Findings) => number;

const checks = new WeakMap<DescMessage, Check>();

/** Gives the check of a message type: every rule of every field, compiled once into closures. */
export function messageCheck(desc: DescMessage): Check {
  const known = checks.get(desc);
  if (known !== undefined) return known;
  const members: MemberCheck[] = [];
  const check: Check = (value, findings) => {
    if (!isFields(value)) return 0;
    let size = 0;
    for (const member of members) size += member(value, findings);
    return size;
  };
  // Known before its members are compiled, so that a type may contain itself.
  checks.set(desc, check);
  for (const member of desc.members) {
    members.push(member.kind === "oneof" ? createOneofCheck(member) : createFieldCheck(member));
  }
  return check;
}

function createOneofCheck(oneof: DescOneof): MemberCheck {
  const required = getOption(oneof, oneofRequired);
  const choices = new Map(
    oneof.fields.map((field) => [
      field.localName,
      { name: field.name, tag: tagSize(field), check: createValue(field) },
    ]),
  );
  const names = [...choices.values()].map((choice) => choice.name).join(", ");
  return (message, findings) => {
    const group = message[oneof.localName];
    const chosen = isFields(group) && typeof group.case === "string" ? choices.get(group.case) : undefined;
    if (chosen === undefined || !isFields(group)) {
      if (required) findings.add(`exactly one of ${names} must be set`, oneof.name);
      return 0;
    }
    findings.enter(chosen.name);
    const size = chosen.tag + chosen.check(group.value, findings);
    findings.leave();
    return size;
  };
}

function createFieldCheck(field: DescField): MemberCheck {
  const { localName, name } = field;
  const tag = tagSize(field);
  const check = createValue(field);
  const { required = false, min = 0n, max = 0n } = rulesOf(field) ?? {};
  const mayBeAbsent = !required && min <= 0n && max >= 0n;
  return (message, findings) => {
    const value = message[localName];
    if (mayBeAbsent && isAbsent(value)) return 0;
    findings.enter(name);
    let size = 0;
    if (value === undefined) findings.add("must be set");
    else size = tag + check(value, findings);
    findings.leave();
    return size;
  };
}

function createValue(field: DescField): Check {
  const bounds = rulesOf(field);
  switch (field.fieldKind) {
    case "scalar":
      return createScalarCheck(field.scalar, bounds);
    case "enum":
      return createEnumCheck(field.enum, { allowUnspecified: bounds?.required !== true });
    case "message": {
      const check = createMessageCheck(field.message, bounds);
      return (value, findings) => prefixedSize(check(value, findings));
    }
    case "list":
      return createListCheck(createElement(field, bounds), tagSize(field), bounds, isListOfParts(field));
    case "map":
      if (field.mapKind !== "scalar" || field.mapKey !== ScalarType.STRING) break;
      return createMapCheck(createScalarCheck(field.scalar, withoutPattern(bounds)), tagSize(field), bounds);
  }
  throw new Error(`no check for ${field}: only maps from strings to scalars are known`);
}

function isListOfParts(field: DescField & { fieldKind: "list" }): boolean {
  return field.listKind === "message" && field.message.typeName === PartSchema.typeName;
}

/** Makes the check of one element of a list; the bounds in `bounds` that are of the whole list do not concern it. */
function createElement(field: DescField & { fieldKind: "list" }, bounds: FieldRules | undefined): Check {
  switch (field.listKind) {
    case "message":
      return messageCheck(field.message);
    case "enum":
      return createEnumCheck(field.enum, { allowUnspecified: false });
    case "scalar":
      return createScalarCheck(field.scalar, bounds);
  }
}

function createMessageCheck(desc: DescMessage, bounds: FieldRules | undefined): Check {
  const { maxBytes = Number.POSITIVE_INFINITY } = bounds ?? {};
  const check = createKnownCheck(desc, bounds) ?? messageCheck(desc);
  return (value, findings) => {
    const size = check(value, findings);
    if (size > maxBytes) findings.add(`must have at most ${maxBytes} bytes encoded, has ${size}`);
    return size;
  };
}

/** Makes the check of a message whose meaning protobuf defines, beyond its fields. */
function createKnownCheck(desc: DescMessage, bounds: FieldRules | undefined): Check | undefined {
  const { maxDepth = Number.POSITIVE_INFINITY, maxSeconds } = bounds ?? {};
  switch (desc.typeName) {
    case StructSchema.typeName:
      return createStructCheck(maxDepth);
    case ValueSchema.typeName:
      return createValueCheck(maxDepth);
    case TimestampSchema.typeName:
      return timestampCheck;
    case DurationSchema.typeName:
      return createDurationCheck(maxSeconds);
    default:
      return undefined;
  }
}

/** Tells whether a field is not on the wire. An empty map is not told apart: its check is cheap. */
function isAbsent(value: unknown): boolean {
  return (
    !value ||
    (Array.isArray(value) && value.length === 0) ||
    (value instanceof Uint8Array && value.length === 0)
  );
}

function rulesOf(field: DescField): FieldRules | undefined {
  return hasOption(field, rules) ? getOption(field, rules) : undefined;
}

function withoutPattern(bounds: FieldRules | undefined): FieldRules | undefined {
  return bounds === undefined ? undefined : { ...bounds, pattern: undefined };
}

function tagSize(field: DescField): number {
  return varintSize(field.number * 8);
}
