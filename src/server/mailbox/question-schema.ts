import { createRequire } from "node:module";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { Ajv2020, ErrorObject, Options, ValidateFunction } from "ajv/dist/2020.js";
import { messageOf } from "../../message-of.ts";
import { type FieldViolation, TaskError } from "../errors.ts";
import type { Millis } from "../store/records.ts";
import { requireJsonObject } from "./json-value.ts";
import { runWithin } from "./run-within.ts";

/** The most characters of a schema's JSON. */
const maxSchemaLength = 65_536;
/** How many schemas are kept compiled, those that were used last. */
const maxCompiled = 100;
/** The most violations that are told at once. */
const maxViolations = 16;

/** How long an answer may take to check. Who answers is not who asks: a pattern, or `uniqueItems`, may take the former for ever. */
const maxCheckTime: Millis = 100;

/** Unknown keywords and formats are annotations, and only an object's own properties count. */
const options: Options = {
  strict: false,
  validateFormats: false,
  validateSchema: false,
  allErrors: true,
  ownProperties: true,
  logger: false,
};
/** Knows the schema of schemas, and nothing of any question: each is compiled by itself, so that the ids in it are its own. */
let draft: Ajv2020 | undefined;
const compiled = new Map<string, ValidateFunction>();

/**
 * Takes the schema of a question: JSON Schema, draft 2020-12, that refers to nothing outside of itself. Returns its JSON text. Throws
 * VALUE_INVALID if it is none, is nested deeper than 30 levels or takes more than 65,536 characters.
 */
export function requireSchema(schema: JsonObject): string {
  requireJsonObject(schema, "schema");
  const text = JSON.stringify(schema);
  if (text.length > maxSchemaLength) {
    throw invalid(`takes ${text.length} characters of JSON, and may take ${maxSchemaLength}`);
  }
  try {
    // One that refers to itself without end shows with any value.
    compile(text)(null);
  } catch (error) {
    throw invalid(`is no JSON Schema: ${messageOf(error)}`);
  }
  return text;
}

/**
 * Checks an answer against the JSON text of its question's schema. Tells what is wrong with it, 16 violations at most: paths that begin with
 * `path`, such as `parts[0].data.amount`, and the rule in words. None if it fits. One that takes more than 100 ms to check does not fit.
 */
export function checkAnswer(schema: string, answer: JsonValue, path = "parts[0].data"): FieldViolation[] {
  try {
    const validate = compile(schema);
    const fits = runWithin(maxCheckTime, () => validate(answer));
    if (fits === undefined) return [unchecked(path, `that takes more than ${maxCheckTime} ms`)];
    if (fits) return [];
    return (validate.errors ?? []).slice(0, maxViolations).map((error) => violationOf(error, path));
  } catch (error) {
    return [unchecked(path, messageOf(error))];
  }
}

function unchecked(field: string, why: string): FieldViolation {
  return { field, description: `cannot be checked against the question's schema: ${why}` };
}

/** Compiles a schema, or takes what it was compiled to before. */
function compile(text: string): ValidateFunction {
  const known = compiled.get(text);
  const validate = known ?? compileNew(JSON.parse(text));
  // A map keeps the order of insertion: what was used last is at its end.
  compiled.delete(text);
  compiled.set(text, validate);
  for (const oldest of compiled.keys()) {
    if (compiled.size <= maxCompiled) break;
    compiled.delete(oldest);
  }
  return validate;
}

function compileNew(schema: JsonObject): ValidateFunction {
  if ("$async" in schema) throw new Error("$async is not of JSON Schema");
  draft ??= newAjv(options);
  if (draft.validateSchema(schema) !== true) throw new Error(draft.errorsText(draft.errors));
  return newAjv({ ...options, meta: false }).compile(schema);
}

const require = createRequire(import.meta.url);

/** Loads Ajv for the first schema that there is, and then at once: it takes a twentieth of a second and sixteen megabytes. */
function newAjv(options: Options): Ajv2020 {
  const { Ajv2020: Ajv }: typeof import("ajv/dist/2020.js") = require("ajv/dist/2020.js");
  return new Ajv(options);
}

/** Says which field breaks which rule. A rule about an object's property is told of that property. */
function violationOf({ keyword, instancePath, params, message }: ErrorObject, path: string): FieldViolation {
  const field = instancePath.split("/").slice(1).map(unescapePointer).reduce(step, path);
  switch (keyword) {
    case "required":
      return { field: step(field, params.missingProperty), description: "must be set" };
    case "additionalProperties":
      return { field: step(field, params.additionalProperty), description: "must not be set" };
    case "unevaluatedProperties":
      return { field: step(field, params.unevaluatedProperty), description: "must not be set" };
    case "enum":
      return { field, description: brief(`must be one of ${JSON.stringify(params.allowedValues)}`) };
    case "const":
      return { field, description: brief(`must be ${JSON.stringify(params.allowedValue)}`) };
    default:
      return { field, description: brief(message ?? `must fit the schema's ${keyword}`) };
  }
}

/** Goes one step down a path, as in `parts[0].data.items[1]["a b"]`. */
function step(path: string, name: string): string {
  if (/^\d+$/.test(name)) return `${path}[${name}]`;
  return brief(/^[A-Za-z_$][\w$]*$/.test(name) ? `${path}.${name}` : `${path}[${JSON.stringify(name)}]`);
}

function unescapePointer(segment: string): string {
  return segment.replaceAll("~1", "/").replaceAll("~0", "~");
}

/** Shortens a text: sixteen of them, with as many paths, must fit into a header of gRPC. */
function brief(text: string): string {
  return text.length <= 256 ? text : `${text.slice(0, 256).toWellFormed()}…`;
}

function invalid(description: string): TaskError {
  return new TaskError("VALUE_INVALID", `the question's schema ${description}`, {
    fields: [{ field: "schema", description }],
  });
}
