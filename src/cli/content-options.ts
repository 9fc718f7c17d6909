import { readFile } from "node:fs/promises";
import { basename, extname } from "node:path";
import { text as readText } from "node:stream/consumers";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { EventInputJson, PartJson } from "../client/index.ts";
import { messageOf } from "../message-of.ts";
import type { Options, Values } from "./command.ts";
import { UsageError } from "./usage-error.ts";
import { parseJson, parseJsonObject } from "./values.ts";

/** The options that make an event. */
export const contentOptions = {
  data: {
    type: "string",
    multiple: true,
    value: "json",
    summary: "A part of JSON data, or @PATH of a file of it.",
  },
  file: { type: "string", multiple: true, value: "path", summary: "A part that is a file, at most 1 MiB." },
  type: { type: "string", value: "type", summary: "What kind of event it is, for the agent to tell apart." },
  sender: { type: "string", value: "name", summary: "Who sends it." },
  metadata: { type: "string", value: "json", summary: "Annotations of the event, a JSON object." },
} as const satisfies Options;

/**
 * Makes an event of words, which are one text part, and of options: text first, then data, then files, each in the order in which they
 * were given. The word `-` is what stdin has. Undefined if there is nothing to say.
 */
export async function readContent(
  words: readonly string[],
  values: Values<typeof contentOptions>,
): Promise<EventInputJson | undefined> {
  const parts: PartJson[] = [];
  const text = words.length === 1 && words[0] === "-" ? await readStdin() : words.join(" ");
  if (text !== "") parts.push({ text });
  for (const data of values.data ?? []) parts.push({ data: await readData(data) });
  for (const path of values.file ?? []) parts.push(await readFilePart(path));
  if (parts.length === 0) return undefined;
  return {
    parts,
    ...(values.type !== undefined && { type: values.type }),
    ...(values.sender !== undefined && { sender: values.sender }),
    ...(values.metadata !== undefined && { metadata: readMetadata(values.metadata) }),
  };
}

/** Reads the metadata of an event. */
export function readMetadata(text: string): JsonObject {
  return parseJsonObject("metadata", text);
}

async function readStdin(): Promise<string> {
  const text = await readText(process.stdin);
  // A line break at the end is the shell's, not the sender's.
  return text.replace(/\r?\n$/, "");
}

async function readData(given: string): Promise<JsonValue> {
  const text = given.startsWith("@") ? String(await read("data", given.slice(1))) : given;
  const value = parseJson("data", text);
  if (isJson(value)) return value;
  throw new UsageError("--data must be JSON");
}

async function readFilePart(path: string): Promise<PartJson> {
  const bytes = await read("file", path);
  const mediaType = mediaTypes[extname(path).toLowerCase()];
  return {
    file: {
      bytes: bytes.toString("base64"),
      name: basename(path),
      ...(mediaType !== undefined && { mediaType }),
    },
  };
}

async function read(option: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new UsageError(`--${option}: ${messageOf(error)}`);
  }
}

/** What JSON.parse gives is JSON. */
function isJson(value: unknown): value is JsonValue {
  return value !== undefined;
}

/** The media types of files that agents are often sent. */
const mediaTypes: Record<string, string> = {
  ".csv": "text/csv",
  ".gif": "image/gif",
  ".html": "text/html",
  ".jpeg": "image/jpeg",
  ".jpg": "image/jpeg",
  ".json": "application/json",
  ".md": "text/markdown",
  ".mp3": "audio/mpeg",
  ".pdf": "application/pdf",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain",
  ".wav": "audio/wav",
  ".webp": "image/webp",
  ".xml": "application/xml",
  ".zip": "application/zip",
};
