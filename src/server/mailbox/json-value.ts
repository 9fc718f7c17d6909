import { TaskError } from "../errors.ts";

/** As for a Struct in a request, so that every language can read it back. */
const maxDepth = 30;

/** Throws VALUE_INVALID, naming the place under `path`, if a value is anything that JSON cannot give back as it was. */
export function requireJson(value: unknown, path: string): void {
  check(value, path, 0);
}

/** Throws VALUE_INVALID, naming the place under `path`, unless a value is a JSON object. */
export function requireJsonObject(value: unknown, path: string): void {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalid(path, "is not a JSON object");
  }
  check(value, path, 0);
}

function check(value: unknown, path: string, depth: number): void {
  if (depth > maxDepth) throw invalid(path, `is nested deeper than ${maxDepth} levels`);
  if (value === null || typeof value === "boolean") return;
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw invalid(path, `is ${value}, which JSON does not know`);
  } else if (typeof value === "string") {
    if (!value.isWellFormed()) throw invalid(path, "has half of a surrogate pair");
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) check(item, `${path}[${index}]`, depth + 1);
  } else if (typeof value === "object" && isPlain(value)) {
    for (const [name, item] of Object.entries(value)) check(item, `${path}.${name}`, depth + 1);
  } else {
    throw invalid(path, `is a value of type ${typeName(value)}, which is not JSON`);
  }
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function typeName(value: unknown): string {
  return typeof value === "object" ? Object.prototype.toString.call(value).slice(8, -1) : typeof value;
}

function invalid(path: string, message: string): TaskError {
  // A circular value has a path of a hundred names, of which the first tell where it is.
  const place = path.length <= 200 ? path : `${path.slice(0, 200)}...`;
  return new TaskError("VALUE_INVALID", `${place} ${message}`);
}
