import { Code } from "@connectrpc/connect";
import type { ErrorReason } from "../proto.ts";
import type { Millis } from "./store/records.ts";

/** Why something failed: a name of `pigeonhole.v1.ErrorReason`. */
export type Reason = Exclude<keyof typeof ErrorReason, "UNSPECIFIED">;

/** A field of a request that is out of its bounds. */
export interface FieldViolation {
  /** The field's path, as in `parts[0].text`. */
  field: string;
  /** What is wrong, with the bound. */
  description: string;
}

/** What a caller can use besides the reason. All of it goes over the wire. */
export interface ErrorDetails {
  /** Facts for a program, as in ErrorInfo's metadata. */
  metadata?: Record<string, string>;
  fields?: FieldViolation[];
  /** How long to wait before trying again. */
  retryAfter?: Millis;
  /** What does not exist, or exists already: its type, such as `task`, and its name. */
  resource?: { type: string; name: string };
  /** What state would have to be another. */
  precondition?: { subject: string; description: string };
}

/** The one error of Pigeonhole: a reason for programs, a message for people, details for both. */
export class TaskError extends Error {
  override readonly name = "TaskError";
  readonly reason: Reason;
  readonly details: ErrorDetails;

  constructor(reason: Reason, message: string, details: ErrorDetails = {}, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
    this.details = details;
  }
}

/** The canonical code (google.rpc.Code) that each reason goes with. */
export const codes: Record<Reason, Code> = {
  FIELD_INVALID: Code.InvalidArgument,
  REQUEST_MALFORMED: Code.InvalidArgument,
  REQUEST_TOO_LARGE: Code.ResourceExhausted,
  PAGE_TOKEN_INVALID: Code.InvalidArgument,
  AGENT_NOT_FOUND: Code.NotFound,
  TASK_NOT_FOUND: Code.NotFound,
  TASK_FINISHED: Code.FailedPrecondition,
  TASK_NAME_TAKEN: Code.AlreadyExists,
  MAILBOX_FULL: Code.ResourceExhausted,
  REQUEST_ID_REUSED: Code.AlreadyExists,
  SEQUENCE_MISMATCH: Code.Aborted,
  SEQUENCE_OUT_OF_RANGE: Code.OutOfRange,
  OVERLOADED: Code.ResourceExhausted,
  SERVER_STOPPING: Code.Unavailable,
  STORE_UNAVAILABLE: Code.Unavailable,
  METHOD_UNKNOWN: Code.Unimplemented,
  DEADLINE_EXCEEDED: Code.DeadlineExceeded,
  CALLER_GONE: Code.Canceled,
  INTERNAL: Code.Internal,
  HANDLER_FAILED: Code.Unknown,
  TURN_LOST: Code.Aborted,
  TASK_CANCELLED: Code.Canceled,
  TURN_OVER: Code.Aborted,
  VALUE_INVALID: Code.InvalidArgument,
  TASK_BUSY: Code.FailedPrecondition,
  TASK_INTERRUPTED: Code.Aborted,
  TIMED_OUT: Code.DeadlineExceeded,
  EVENT_NOT_FOUND: Code.NotFound,
  EVENT_STATE: Code.FailedPrecondition,
  QUESTION_CLOSED: Code.FailedPrecondition,
  ANSWER_INVALID: Code.InvalidArgument,
  TASK_UNFINISHED: Code.FailedPrecondition,
  FAN_OUT_EXCEEDED: Code.ResourceExhausted,
  STATE_CONFLICT: Code.Aborted,
  SCHEDULE_NOT_FOUND: Code.NotFound,
  SCHEDULE_EXISTS: Code.AlreadyExists,
  SCHEDULE_DECLARED: Code.FailedPrecondition,
  WEBHOOK_NOT_FOUND: Code.NotFound,
  URL_FORBIDDEN: Code.InvalidArgument,
  SIGNATURE_INVALID: Code.Unauthenticated,
  LIMIT_REACHED: Code.ResourceExhausted,
  EVENT_CANCELLED: Code.Canceled,
  SERVICE_NOT_FOUND: Code.NotFound,
  REVISION_NOT_FOUND: Code.NotFound,
  CREDENTIALS_MISSING: Code.Unauthenticated,
  CREDENTIALS_INVALID: Code.Unauthenticated,
  CREDENTIALS_EXPIRED: Code.Unauthenticated,
  NOT_ALLOWED: Code.PermissionDenied,
  ISSUER_UNAVAILABLE: Code.Unavailable,
  TOKEN_NOT_FOUND: Code.NotFound,
  AUTHENTICATION_OFF: Code.FailedPrecondition,
};

/** Whether something that was thrown is a TaskError for one of these reasons. */
export function hasReason(error: unknown, ...reasons: readonly Reason[]): error is TaskError {
  return error instanceof TaskError && reasons.includes(error.reason);
}

/** Makes the error for what a server that stops ends. */
export function serverStopping(): TaskError {
  return new TaskError("SERVER_STOPPING", "the server is stopping", { retryAfter: 1000 });
}

/** Makes the error for a task whose state does not allow what was asked. `what` names the task in the message. */
export function taskFinished(id: string, state: string, description: string, what = "task"): TaskError {
  return new TaskError("TASK_FINISHED", `${what} ${id} is ${state}`, {
    metadata: { state },
    precondition: { subject: id, description },
  });
}

/** Makes the error for a task that is not there. */
export function taskNotFound(id: string): TaskError {
  return new TaskError("TASK_NOT_FOUND", `there is no task ${JSON.stringify(id)}`, {
    resource: { type: "task", name: id },
  });
}

/** Makes the error for a schedule that is not there. */
export function scheduleNotFound(name: string): TaskError {
  return new TaskError("SCHEDULE_NOT_FOUND", `there is no schedule ${JSON.stringify(name)}`, {
    resource: { type: "schedule", name },
  });
}

/** Makes the error for a webhook that is not there. */
export function webhookNotFound(id: string): TaskError {
  return new TaskError("WEBHOOK_NOT_FOUND", `there is no webhook ${JSON.stringify(id)}`, {
    resource: { type: "webhook", name: id },
  });
}
