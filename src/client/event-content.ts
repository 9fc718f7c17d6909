import { fromJson } from "@bufbuild/protobuf";
import { type EventInput, type EventInputJson, EventInputSchema, type PartJson } from "../proto.ts";
import { malformed } from "./pigeonhole-error.ts";

/** What an event says: a text, a part, several parts, or all of it, in the shapes of ProtoJSON. */
export type EventContent = string | PartJson | readonly PartJson[] | EventInputJson;

/** Parses what an event says. Throws `REQUEST_MALFORMED` if it has another shape. */
export function parseEventContent(content: EventContent): EventInput {
  try {
    return fromJson(EventInputSchema, toJson(content));
  } catch (cause) {
    throw malformed(cause);
  }
}

function toJson(content: EventContent): EventInputJson {
  if (typeof content === "string") return { parts: [{ text: content }] };
  if (isList(content)) return { parts: [...content] };
  if ("parts" in content) return content;
  return { parts: [content] };
}

// Array.isArray does not narrow a union with a readonly array.
function isList(content: EventContent): content is readonly PartJson[] {
  return Array.isArray(content);
}
