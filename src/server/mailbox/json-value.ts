import { TaskError } from "../errors.ts";

/** As for a Struct in a request, so that every language can read it back. */
const maxDepth = 30;
/** The most levels that are a message's own, in which such a value stands, as in `[{ toolRequest: { arguments: ... } }]`. */
const ownLevels = 4;

/** Throws VALUE_INVALID, naming the place under `path`, if a value is anything that JSON cannot give back as it was. */
export function requireJson(value: unknown, path: string): void {
  check(value, path, maxDepth, 0);
}

/** Throws VALUE_INVALID, naming the place under `path`, unless a value is a JSON object. */
export function requireJsonObject(value: unknown, path: string): void {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalid(path, "is not a JSON object");
  }
  requireJson(value, path);
}

/** Does the same for the JSON of messages, whose schema says how deep each of their values may be: this only finds an end. */
export function requireMessageJson(value: unknown, path: string): void {
  check(value, path, maxDepth + ownLevels, 0);
}

/** `depth`: how many objects and lists the value is in. One that is no object and no list adds no level. */
function check(value: unknown, path: string, levels: number, depth: number): void {
  if (value === null || typeof value === "boolean") return;
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw invalid(path, `is ${value}, which JSON does not know`);
  } else if (typeof value === "string") {
    if (!value.isWellFormed()) throw invalid(path, "has half of a surrogate pair");
  } else if (typeof value !== "object" || !(Array.isArray(value) || isPlain(value))) {
    throw invalid(path, `is a value of type ${typeName(value)}, which is not JSON`);
  } else if (depth === levels) {
    throw invalid(path, `is nested deeper than ${levels} levels`);
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) check(item, `${path}[${index}]`, levels, depth + 1);
  } else {
    for (const [name, item] of Object.entries(value)) {
      if (!name.isWellFormed()) throw invalid(path, "has a name with half of a surrogate pair");
      check(item, `${path}.${name}`, levels, depth + 1);
    }
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
