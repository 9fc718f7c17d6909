/** The typed client of Pigeonhole, for browsers and Node. */

export { Code } from "@connectrpc/connect";
export { isFinalState } from "../final-state.ts";
export type {
  Agent,
  CancelEventResponse,
  Cancellation,
  CancelTaskResponse,
  CreateTaskResponse,
  CreateTaskTokenResponse,
  CreateTokenResponse,
  Delta,
  Event,
  EventInputJson,
  InterruptTaskResponse,
  Message,
  Part,
  PartJson,
  Question,
  RedriveEventResponse,
  Schedule,
  SendEventResponse,
  Superseded,
  Task,
  TaskStateRevision,
  TaskUpdate,
  Token,
  TriggerScheduleResponse,
  Webhook,
} from "../proto.ts";
export {
  CancelOutcome,
  EventState,
  EventWait,
  Handler,
  MessageAuthor,
  MessageState,
  Missed,
  OnBusy,
  OnExhausted,
  Overlap,
  Role,
  TaskPermission,
  TaskState,
  WebhookKind,
  WebhookState,
} from "../proto.ts";
export type { AgentsClient } from "./agents-client.ts";
export type { ClientOptions, FetchOptions, PigeonholeClient, TransportOptions } from "./client.ts";
export { createClient } from "./client.ts";
export type { EventContent } from "./event-content.ts";
export type { FieldViolation, Reason, ServerReason } from "./pigeonhole-error.ts";
export { isReason, PigeonholeError } from "./pigeonhole-error.ts";
export type { With } from "./required-field.ts";
export type { RetryOptions } from "./retry.ts";
export type { NewSchedule, PauseOptions, ScheduleFilters, ScheduleOwner } from "./schedule-options.ts";
export type { SchedulesClient } from "./schedules-client.ts";
export type { SubscribeOptions } from "./subscribe.ts";
export type {
  CancelOptions,
  EventFilters,
  InterruptOptions,
  ListOptions,
  NewTask,
  ReadOptions,
  RedriveTarget,
  SendOptions,
  StateOptions,
  TaskFilters,
  TaskTokenOptions,
  ViewOptions,
  WriteOptions,
} from "./task-options.ts";
export type { TaskView } from "./task-view.ts";
export { applyUpdate, createTaskView } from "./task-view.ts";
export type { TaskStateSnapshot, TasksClient } from "./tasks-client.ts";
export type { TokenSource } from "./token-source.ts";
export { createTokenInterceptor } from "./token-source.ts";
export type { NewToken, TokenFilters, TokensClient } from "./tokens-client.ts";
export type { NewWebhook, WebhookFilters, WebhooksClient } from "./webhooks-client.ts";
