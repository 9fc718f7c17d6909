/** The generated messages, schemas and services of `pigeonhole.v1`, and the `google.rpc` types that its errors carry. */

export {
  BadRequestSchema,
  ErrorInfoSchema,
  PreconditionFailureSchema,
  ResourceInfoSchema,
  RetryInfoSchema,
} from "../gen/google/rpc/error_details_pb.js";
export type { Status, StatusJson } from "../gen/google/rpc/status_pb.js";
export { StatusSchema } from "../gen/google/rpc/status_pb.js";
export type { Agent, AgentJson } from "../gen/pigeonhole/v1/agent_service_pb.js";
export { AgentSchema, AgentService, OnExhausted } from "../gen/pigeonhole/v1/agent_service_pb.js";
export { ErrorReason } from "../gen/pigeonhole/v1/error_reason_pb.js";
export type { Event, EventInput, EventInputJson, EventJson } from "../gen/pigeonhole/v1/event_pb.js";
export { EventInputSchema, EventSchema, EventState, OnBusy } from "../gen/pigeonhole/v1/event_pb.js";
export type { FieldRules } from "../gen/pigeonhole/v1/field_rules_pb.js";
export { oneof_required as oneofRequired, rules } from "../gen/pigeonhole/v1/field_rules_pb.js";
export type { Delta, DeltaJson, Message, MessageJson } from "../gen/pigeonhole/v1/message_pb.js";
export { DeltaSchema, MessageAuthor, MessageSchema, MessageState } from "../gen/pigeonhole/v1/message_pb.js";
export type {
  File,
  FileJson,
  Part,
  PartJson,
  ToolRequest,
  ToolResponse,
} from "../gen/pigeonhole/v1/part_pb.js";
export { PartSchema } from "../gen/pigeonhole/v1/part_pb.js";
export type {
  CreateScheduleRequest,
  ListSchedulesResponse,
  Schedule,
  ScheduleAction,
  ScheduleJson,
  ScheduleSpec,
  TriggerScheduleRequest,
  TriggerScheduleResponse,
} from "../gen/pigeonhole/v1/schedule_service_pb.js";
export {
  CreateScheduleRequestSchema,
  Missed,
  Overlap,
  ScheduleActionSchema,
  ScheduleSchema,
  ScheduleService,
  ScheduleSpecSchema,
  TriggerScheduleRequestSchema,
} from "../gen/pigeonhole/v1/schedule_service_pb.js";
export type { Cancellation, Question, QuestionJson, Task, TaskJson } from "../gen/pigeonhole/v1/task_pb.js";
export {
  CancellationSchema,
  CancelOutcome,
  QuestionSchema,
  TaskSchema,
  TaskState,
} from "../gen/pigeonhole/v1/task_pb.js";
export type {
  CancelEventRequest,
  CancelEventResponse,
  CancelTaskRequest,
  CancelTaskResponse,
  CreateTaskRequest,
  CreateTaskResponse,
  CreateTaskTokenResponse,
  DeleteTaskRequest,
  GetTaskStateResponse,
  InterruptTaskRequest,
  InterruptTaskResponse,
  ListEventsResponse,
  ListMessagesResponse,
  ListTasksResponse,
  RedriveEventRequest,
  RedriveEventResponse,
  SendEventRequest,
  SendEventResponse,
  TaskStateRevision,
} from "../gen/pigeonhole/v1/task_service_pb.js";
export {
  CancelTaskRequestSchema,
  CreateTaskRequestSchema,
  CreateTaskTokenRequestSchema,
  CreateTaskTokenResponseSchema,
  EventWait,
  GetTaskStateResponseSchema,
  InterruptTaskRequestSchema,
  SendEventRequestSchema,
  SendEventResponseSchema,
  SubscribeTaskResponseSchema,
  TaskPermission,
  TaskService,
  TaskStateRevisionSchema,
} from "../gen/pigeonhole/v1/task_service_pb.js";
export type { Superseded, TaskUpdate, TaskUpdateJson } from "../gen/pigeonhole/v1/task_update_pb.js";
export { Handler, TaskUpdateSchema } from "../gen/pigeonhole/v1/task_update_pb.js";
export type { CreateTokenResponse, Token, TokenJson } from "../gen/pigeonhole/v1/token_service_pb.js";
export { Role, TokenSchema, TokenService } from "../gen/pigeonhole/v1/token_service_pb.js";
export type {
  CreateWebhookRequest,
  CreateWebhookResponse,
  ListWebhooksResponse,
  Webhook,
  WebhookJson,
} from "../gen/pigeonhole/v1/webhook_service_pb.js";
export {
  CreateWebhookRequestSchema,
  WebhookKind,
  WebhookSchema,
  WebhookService,
  WebhookState,
} from "../gen/pigeonhole/v1/webhook_service_pb.js";
