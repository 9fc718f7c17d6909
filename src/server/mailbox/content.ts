import { create, fromJson, toBinary } from "@bufbuild/protobuf";
import { messageOf } from "../../message-of.ts";
import { MessageSchema, type Part, type PartJson, PartSchema } from "../../proto.ts";
import type { Content } from "../agent.ts";
import { TaskError } from "../errors.ts";
import { violations } from "../validation/index.ts";
import { requireMessageJson } from "./json-value.ts";

/** The most bytes that the parts of a message take, encoded. */
export const maxMessageBytes = 1_048_576;

/** Parses content as an agent gives it. Throws VALUE_INVALID that names what is wrong. */
export function parseContent(content: Content): Part[] {
  const parts =
    typeof content === "string" ? [{ text: content }] : Array.isArray(content) ? content : [content];
  if (parts.length === 0) throw invalid("content must have at least one part");
  return parts.map((part, index) => parsePart(part, `parts[${index}]`));
}

/** Parses one part. Throws VALUE_INVALID that begins with `path`. */
export function parsePart(json: PartJson, path = "part"): Part {
  const part = fromPartJson(json, path);
  const [violation] = violations(PartSchema, part);
  if (violation !== undefined) throw invalid(`${path}.${violation.field}: ${violation.description}`);
  return part;
}

/** Encodes the parts of a message as it is stored. Throws VALUE_INVALID if they take too much. */
export function encodeParts(parts: Part[]): Uint8Array {
  const bytes = toBinary(MessageSchema, create(MessageSchema, { parts }));
  if (bytes.byteLength > maxMessageBytes) throw tooLarge(bytes.byteLength);
  return bytes;
}

export function tooLarge(size: number): TaskError {
  return invalid(`the message would take ${size} bytes, and may take ${maxMessageBytes}`);
}

function fromPartJson(json: PartJson, path: string): Part {
  // What is not JSON, such as a Date, would otherwise be taken for an empty object.
  requireMessageJson(json, path);
  try {
    return fromJson(PartSchema, json);
  } catch (error) {
    throw invalid(`${path}: ${messageOf(error)}`);
  }
}

function invalid(message: string): TaskError {
  return new TaskError("VALUE_INVALID", message);
}
