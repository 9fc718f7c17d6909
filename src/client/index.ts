/** The typed client of Pigeonhole, for browsers and Node. */

export { Code } from "@connectrpc/connect";
export type {
  Agent,
  CancelTaskResponse,
  CreateTaskResponse,
  Delta,
  Event,
  EventInputJson,
  Message,
  Part,
  PartJson,
  SendEventResponse,
  Superseded,
  Task,
  TaskUpdate,
} from "../proto.ts";
export { EventState, Handler, MessageAuthor, MessageState, TaskState } from "../proto.ts";
export type { AgentsClient } from "./agents-client.ts";
export type { ClientOptions, FetchOptions, PigeonholeClient, TransportOptions } from "./client.ts";
export { createClient } from "./client.ts";
export type { EventContent } from "./event-content.ts";
export type { FieldViolation, Reason, ServerReason } from "./pigeonhole-error.ts";
export { isReason, PigeonholeError } from "./pigeonhole-error.ts";
export type { RetryOptions } from "./retry.ts";
export type { SubscribeOptions } from "./subscribe.ts";
export type {
  CancelOptions,
  EventFilters,
  ListOptions,
  NewTask,
  ReadOptions,
  SendOptions,
  TaskFilters,
  ViewOptions,
  WriteOptions,
} from "./task-options.ts";
export type { TaskView } from "./task-view.ts";
export { applyUpdate, createTaskView } from "./task-view.ts";
export type { TaskStateSnapshot, TasksClient } from "./tasks-client.ts";
