import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { type EventContent, isReason, type Question, type TasksClient } from "../client/index.ts";
import type { Output } from "./output.ts";
import { clean } from "./style.ts";

/** Asks for a line. Undefined when there are no more. */
export type Ask = (prompt: string) => Promise<string | undefined>;

/**
 * Asks a person for the answer to a question, and sends it; an answer that the server refuses is asked for again. Returns whether the
 * question was answered, or has closed meanwhile; not if there are no more lines.
 */
export async function answerQuestion(
  tasks: TasksClient,
  taskId: string,
  question: Question,
  ask: Ask,
  output: Output,
): Promise<boolean> {
  for (;;) {
    const content = await askAnswer(question, ask, output);
    if (content === undefined) return false;
    try {
      await tasks.send(taskId, content, { answers: question.id });
      return true;
    } catch (error) {
      if (isReason(error, "QUESTION_CLOSED")) return true;
      if (!isReason(error, "ANSWER_INVALID")) throw error;
      const fields = error.fields.map(({ field, description }) => `${field} ${description}`.trim());
      output.note(clean(`The answer does not fit: ${fields.join("; ") || error.message}`));
    }
  }
}

async function askAnswer(question: Question, ask: Ask, output: Output): Promise<EventContent | undefined> {
  if (question.schema === undefined) return ask("answer> ");
  const data = await askValue("answer", question.schema, true, ask, output);
  return data === undefined ? undefined : { data };
}

/** Asks for a value of a schema. Undefined if there are no more lines, or, where it may be left out, if it is. */
async function askValue(
  name: string,
  schema: JsonObject,
  required: boolean,
  ask: Ask,
  output: Output,
): Promise<JsonValue | undefined> {
  if (isFlat(schema)) return askObject(schema, ask, output);
  for (;;) {
    const line = await ask(`${clean(name)}${hint(schema, required)}> `);
    if (line === undefined) return undefined;
    if (line === "" && !required) return undefined;
    const value = parseAnswer(line.trim(), schema);
    if (value !== undefined) return value;
    output.note(clean(`${name} must be ${wanted(schema)}`));
  }
}

/** Asks for the properties of an object, one after the other. */
async function askObject(schema: JsonObject, ask: Ask, output: Output): Promise<JsonObject | undefined> {
  const required = Array.isArray(schema.required) ? schema.required : [];
  const answer: JsonObject = {};
  for (const [name, property] of Object.entries(objectOf(schema.properties))) {
    const needed = required.includes(name);
    const value = await askValue(name, objectOf(property), needed, ask, output);
    if (value !== undefined) answer[name] = value;
    else if (needed) return undefined;
  }
  return answer;
}

/** Whether a schema is of an object whose properties can be asked for one by one. */
function isFlat({ type, properties }: JsonObject): boolean {
  return type === "object" && Object.keys(objectOf(properties)).length > 0;
}

/** Reads what a person has typed as a value of a schema. Undefined if it is none. The server checks what this does not. */
function parseAnswer(line: string, schema: JsonObject): JsonValue | undefined {
  if (Array.isArray(schema.enum)) return schema.enum.find((value) => textOf(value) === line);
  switch (schema.type) {
    case "string":
      return line;
    case "boolean":
      if (/^(y|yes|true)$/i.test(line)) return true;
      return /^(n|no|false)$/i.test(line) ? false : undefined;
    case "integer":
    case "number": {
      const number = Number(line);
      if (line === "" || !Number.isFinite(number)) return undefined;
      return schema.type === "number" || Number.isInteger(number) ? number : undefined;
    }
    default:
      return parseJson(line);
  }
}

function parseJson(line: string): JsonValue | undefined {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function hint(schema: JsonObject, required: boolean): string {
  const choices = schema.type === "boolean" ? "y/n" : wanted(schema);
  return ` (${clean(choices)}${required ? "" : ", optional"})`;
}

function wanted({ enum: choices, type }: JsonObject): string {
  if (Array.isArray(choices)) return choices.map(textOf).join(" | ");
  if (type === "boolean") return "y or n";
  return typeof type === "string" && /^(string|number|integer)$/.test(type) ? type : "JSON";
}

function textOf(value: JsonValue): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function objectOf(value: JsonValue | undefined): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}
