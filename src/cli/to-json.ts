import {
  createRegistry,
  type DescMessage,
  type JsonValue,
  type MessageShape,
  toJson as toProtoJson,
} from "@bufbuild/protobuf";
import {
  AgentSchema,
  BadRequestSchema,
  CreateTaskTokenResponseSchema,
  ErrorInfoSchema,
  EventSchema,
  MessageSchema,
  PreconditionFailureSchema,
  ResourceInfoSchema,
  RetryInfoSchema,
  ScheduleSchema,
  TaskSchema,
  TaskStateRevisionSchema,
  TaskUpdateSchema,
  TokenSchema,
  WebhookSchema,
} from "../proto.ts";

/** What an error in a log may carry. */
const registry = createRegistry(
  BadRequestSchema,
  ErrorInfoSchema,
  PreconditionFailureSchema,
  ResourceInfoSchema,
  RetryInfoSchema,
);

/** Makes ProtoJSON of what a server answers. Fields that are empty are there too, so that a script finds them. */
function jsonOf<S extends DescMessage>(schema: S): (message: MessageShape<S>) => Record<string, JsonValue> {
  return (message) => ({ ...Object(toProtoJson(schema, message, { alwaysEmitImplicit: true, registry })) });
}

export const taskJson = jsonOf(TaskSchema);
export const eventJson = jsonOf(EventSchema);
export const messageJson = jsonOf(MessageSchema);
export const revisionJson = jsonOf(TaskStateRevisionSchema);
export const updateJson = jsonOf(TaskUpdateSchema);
export const agentJson = jsonOf(AgentSchema);
export const scheduleJson = jsonOf(ScheduleSchema);
export const webhookJson = jsonOf(WebhookSchema);
export const taskTokenJson = jsonOf(CreateTaskTokenResponseSchema);
export const tokenJson = jsonOf(TokenSchema);
