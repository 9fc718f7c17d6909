import { type DescMessage, fromJson, type JsonObject, type MessageShape } from "@bufbuild/protobuf";
import { messageOf } from "../../../message-of.ts";
import { type CreateTaskRequest, CreateTaskRequestSchema, EventInputSchema } from "../../../proto.ts";
import { TaskError } from "../../errors.ts";
import { parseContent } from "../../mailbox/content.ts";
import { requireMessageJson } from "../../mailbox/json-value.ts";
import { violations } from "../../validation/index.ts";
import type { WebhookTarget } from "./incoming-webhook.ts";

/** Makes the request that puts what a route has found into a mailbox. Throws VALUE_INVALID that names what is out of its bounds. */
export function targetRequest(agent: string, target: WebhookTarget): CreateTaskRequest {
  if (typeof target !== "object" || target === null) {
    throw invalid(`the target must be an object, not ${target === null ? "null" : typeof target}`);
  }
  const { task, content, type, sender, metadata, params, labels } = target;
  const event = parse(EventInputSchema, given({ type, sender, metadata }));
  if (event.type.startsWith("pigeonhole.")) throw invalid("type must not begin with pigeonhole.");
  event.parts = parseContent(content);
  const request = parse(CreateTaskRequestSchema, { agent, ...given({ name: task, params, labels }) });
  request.event = event;
  const [violation] = violations(CreateTaskRequestSchema, request);
  if (violation !== undefined) throw invalid(`${violation.field}: ${violation.description}`);
  return request;
}

/** Leaves out what is not given. What is given is checked by `parse`, whatever its type promises. */
function given(fields: Record<string, JsonObject[string] | Readonly<Record<string, string>> | undefined>) {
  return Object.fromEntries(
    Object.entries(fields).filter((entry): entry is [string, JsonObject[string]] => entry[1] !== undefined),
  );
}

function parse<Desc extends DescMessage>(schema: Desc, json: JsonObject): MessageShape<Desc> {
  // What is not JSON, such as a Date, would otherwise be taken for an empty object.
  for (const [name, value] of Object.entries(json)) requireMessageJson(value, name);
  try {
    return fromJson(schema, json);
  } catch (error) {
    throw invalid(messageOf(error));
  }
}

function invalid(message: string): TaskError {
  return new TaskError("VALUE_INVALID", `where the webhook goes is not valid: ${message}`);
}
