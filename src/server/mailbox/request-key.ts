import { hash } from "node:crypto";
import { type DescMessage, type JsonValue, type MessageShape, toJson } from "@bufbuild/protobuf";
import type { RequestKey } from "../store/calls.ts";

/**
 * Makes the key under which a request is one request (G8), or none if it has no id.
 *
 * Its fingerprint is taken of the content and not of the bytes: a client may send the entries of a map in another order, or the same request
 * over another protocol. Nor of the fields in `apart`, which stand for those that are not what the request is about.
 */
export function requestKey<Desc extends DescMessage>(
  schema: Desc,
  request: MessageShape<Desc> & { requestId: string },
  apart: Partial<MessageShape<Desc>> = {},
): { request?: RequestKey } {
  if (request.requestId === "") return {};
  const content = sorted(toJson(schema, { ...request, ...apart, requestId: "" }));
  return {
    request: {
      id: request.requestId,
      fingerprint: hash("sha256", JSON.stringify([schema.typeName, content]), "base64url"),
    },
  };
}

/** Sorts the keys of all objects in a value. */
function sorted(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, item]): [string, JsonValue] => [key, sorted(item)]);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
