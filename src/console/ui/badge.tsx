import { EventState, TaskState, WebhookState } from "../../client/index.ts";
import { stateName } from "./format.ts";

export type Tone = "plain" | "busy" | "good" | "warn" | "bad";

const taskTones: Partial<Record<TaskState, Tone>> = {
  [TaskState.PENDING]: "busy",
  [TaskState.ACTIVE]: "busy",
  [TaskState.INPUT_REQUIRED]: "warn",
  [TaskState.PAUSED]: "warn",
  [TaskState.CANCELLING]: "warn",
  [TaskState.COMPLETED]: "good",
  [TaskState.FAILED]: "bad",
  [TaskState.TIMED_OUT]: "bad",
};

const eventTones: Partial<Record<EventState, Tone>> = {
  [EventState.PROCESSING]: "busy",
  [EventState.PROCESSED]: "good",
  [EventState.DEAD_LETTERED]: "bad",
};

const webhookTones: Partial<Record<WebhookState, Tone>> = {
  [WebhookState.ACTIVE]: "good",
  [WebhookState.PAUSED]: "warn",
  [WebhookState.DEAD]: "bad",
};

/** A word in a coloured pill. The word says it all; the colour only helps to find it. */
export function Badge({ tone = "plain", children }: { tone?: Tone; children: string | number }) {
  return <span className={`badge badge-${tone}`}>{children}</span>;
}

export function TaskBadge({ state }: { state: TaskState }) {
  return <Badge tone={taskTones[state] ?? "plain"}>{stateName(TaskState[state])}</Badge>;
}

export function EventBadge({ state }: { state: EventState }) {
  return <Badge tone={eventTones[state] ?? "plain"}>{stateName(EventState[state])}</Badge>;
}

export function WebhookBadge({ state }: { state: WebhookState }) {
  return <Badge tone={webhookTones[state] ?? "plain"}>{stateName(WebhookState[state])}</Badge>;
}
