import type { JsonObject, JsonValue } from "@bufbuild/protobuf";

/** A field of a form that asks for one property. */
export interface SchemaField {
  name: string;
  label: string;
  hint: string | undefined;
  required: boolean;
  /** What the property is. `choice` is one of `choices`. */
  kind: "text" | "number" | "integer" | "boolean" | "choice";
  choices: readonly JsonValue[];
  initial: string;
  minimum: number | undefined;
  maximum: number | undefined;
  maxLength: number | undefined;
}

/**
 * Reads the fields of a form from a JSON Schema of an object whose properties are strings, numbers, booleans or choices, and all that it
 * requires among them. Gives nothing for any other schema: its answer is written in JSON.
 */
export function fieldsOf(schema: JsonObject): SchemaField[] | undefined {
  const { properties } = schema;
  if (schema.type !== "object" || !isObject(properties)) return undefined;
  const required = Array.isArray(schema.required) ? schema.required : [];
  if (!required.every((name) => Object.hasOwn(properties, String(name)))) return undefined;
  const fields = Object.entries(properties).map(([name, property]) =>
    isObject(property) ? fieldOf(name, property, required.includes(name)) : undefined,
  );
  return fields.every((field) => field !== undefined) ? fields : undefined;
}

function fieldOf(name: string, property: JsonObject, required: boolean): SchemaField | undefined {
  const choices = Array.isArray(property.enum) ? property.enum : [];
  const kind = choices.length > 0 ? "choice" : kindOf(property.type);
  if (kind === undefined) return undefined;
  return {
    name,
    label: text(property.title) ?? name,
    hint: text(property.description),
    required,
    kind,
    choices,
    initial:
      property.default === undefined
        ? ""
        : kind === "choice"
          ? JSON.stringify(property.default)
          : String(property.default),
    minimum: number(property.minimum),
    maximum: number(property.maximum),
    maxLength: number(property.maxLength),
  };
}

function kindOf(type: JsonValue | undefined): SchemaField["kind"] | undefined {
  switch (type) {
    case "string":
      return "text";
    case "number":
    case "integer":
    case "boolean":
      return type;
    default:
      return undefined;
  }
}

/** Makes the answer of what was filled in. What is left empty is left out, unless it is a text that must be there. */
export function answerOf(
  fields: readonly SchemaField[],
  values: Readonly<Record<string, string>>,
): JsonObject {
  const given: [name: string, value: JsonValue][] = [];
  for (const field of fields) {
    const value = filledIn(field, values);
    if (value === "" && !(field.required && field.kind === "text")) continue;
    given.push([field.name, parseValue(field, value)]);
  }
  return Object.fromEntries(given);
}

/** Gives what was filled into a field. Not `values[name]`, because a property may have a name that every object knows. */
export function filledIn({ name, initial }: SchemaField, values: Readonly<Record<string, string>>): string {
  return (Object.hasOwn(values, name) ? values[name] : undefined) ?? initial;
}

function parseValue({ kind }: SchemaField, value: string): JsonValue {
  switch (kind) {
    case "text":
      return value;
    case "number":
    case "integer":
      return Number(value);
    case "boolean":
      return value === "true";
    case "choice":
      return JSON.parse(value);
  }
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(value: JsonValue | undefined): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function number(value: JsonValue | undefined): number | undefined {
  return typeof value === "number" ? value : undefined;
}
