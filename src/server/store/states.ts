import type * as proto from "../../proto.ts";

// What the store has to know of the protocol: some of its enums, whose names and numbers the compiler compares with the generated ones.
// Those come with all descriptors of the protocol, which took half of the time that a thread of a store needs to begin.

type Members<Enum> = Omit<Enum, "UNSPECIFIED">;

export type TaskState = proto.TaskState;
export const TaskState: Members<typeof proto.TaskState> = {
  PENDING: 1,
  ACTIVE: 2,
  INPUT_REQUIRED: 3,
  CANCELLING: 4,
  CANCELLED: 5,
  COMPLETED: 6,
  FAILED: 7,
  TIMED_OUT: 8,
  PAUSED: 9,
};

export type EventState = proto.EventState;
export const EventState: Members<typeof proto.EventState> = {
  SCHEDULED: 1,
  QUEUED: 2,
  PROCESSING: 3,
  PROCESSED: 4,
  DEAD_LETTERED: 5,
  DROPPED: 6,
};

export type MessageState = proto.MessageState;
export const MessageState: Members<typeof proto.MessageState> = {
  STREAMING: 1,
  DONE: 2,
  SUPERSEDED: 3,
};

export type Handler = proto.Handler;
export const Handler: Members<typeof proto.Handler> = {
  TASK_CREATE: 1,
  TASK_EVENT_SEND: 2,
  TASK_CANCEL: 3,
  TASK_EVENT_BATCH: 4,
};

export type CancelOutcome = proto.CancelOutcome;
export const CancelOutcome: Members<typeof proto.CancelOutcome> = {
  REQUESTED: 1,
  STOPPED: 2,
  FORCED: 3,
};

export type WebhookState = proto.WebhookState;
export const WebhookState: Members<typeof proto.WebhookState> = {
  ACTIVE: 1,
  PAUSED: 2,
  DEAD: 3,
};

/** Names a member of an enum as the protocol does, as in `COMPLETED`. */
export function nameOf(members: Readonly<Record<string, number>>, value: number): string {
  return Object.keys(members).find((name) => members[name] === value) ?? "UNSPECIFIED";
}
