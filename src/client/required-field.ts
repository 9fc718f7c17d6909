import { Code } from "@connectrpc/connect";
import { PigeonholeError } from "./pigeonhole-error.ts";

/** A message that has one of its optional fields: `tasks.send` resolves with a `With<SendEventResponse, "event">`. */
export type With<T, K extends keyof T> = T & { [Field in K]-?: NonNullable<T[Field]> };

/** Passes on a response that has a field which every server sets. Throws `UNRECOGNIZED` if it is missing. */
export function requireField<T extends object, K extends keyof T & string>(
  response: T,
  field: K,
): With<T, K> {
  if (!hasField(response, field)) {
    throw new PigeonholeError("UNRECOGNIZED", Code.Internal, `the response has no ${field}`);
  }
  return response;
}

function hasField<T extends object, K extends keyof T>(response: T, field: K): response is With<T, K> {
  return response[field] !== undefined;
}
