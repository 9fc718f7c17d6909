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

/** Whether something that was thrown is a TaskError for one of these reasons. */
export function hasReason(error: unknown, ...reasons: readonly Reason[]): error is TaskError {
  return error instanceof TaskError && reasons.includes(error.reason);
}

/** Makes the error for what a server that stops ends. */
export function serverStopping(): TaskError {
  return new TaskError("SERVER_STOPPING", "the server is stopping", { retryAfter: 1000 });
}

/** Makes the error for what is still done for a caller who has gone. */
export function callerGone(): TaskError {
  return new TaskError("CALLER_GONE", "the caller went away");
}

/** Makes the error for a task whose state does not allow what was asked. `what` names the task in the message. */
export function taskFinished(id: string, state: string, description: string, what = "task"): TaskError {
  return new TaskError("TASK_FINISHED", `${what} ${id} is ${state}`, {
    metadata: { state },
    precondition: { subject: id, description },
  });
}

/** Makes the error for an agent that is not there. */
export function agentNotFound(name: string): TaskError {
  return new TaskError("AGENT_NOT_FOUND", `there is no agent ${JSON.stringify(name)}`, {
    resource: { type: "agent", name },
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
