import type { JsonValue } from "@bufbuild/protobuf";
import { Scrollable } from "./scrollable.tsx";

/** A JSON value, laid out to be read. */
export function JsonView({ value, label }: { value: JsonValue; label: string }) {
  return (
    <Scrollable className="json" label={label}>
      <pre>{JSON.stringify(value, null, 2)}</pre>
    </Scrollable>
  );
}

/** Parses what somebody wrote. Throws an error that says what is wrong in it. */
export function parseJson(text: string, what: string): JsonValue {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SyntaxError(`${what} is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Parses an object that somebody wrote; nothing if they wrote nothing. */
export function parseJsonObject(text: string, what: string): { [key: string]: JsonValue } | undefined {
  if (text.trim() === "") return undefined;
  const value = parseJson(text, what);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw new SyntaxError(`${what} must be a JSON object, as in {"key": "value"}`);
}
