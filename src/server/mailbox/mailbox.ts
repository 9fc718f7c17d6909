import { create, toBinary } from "@bufbuild/protobuf";
import {
  type CancelTaskRequest,
  CancelTaskRequestSchema,
  type CreateTaskRequest,
  CreateTaskRequestSchema,
  type EventInput,
  EventInputSchema,
  type SendEventRequest,
  SendEventRequestSchema,
} from "../../proto.ts";
import type { Agent } from "../agent.ts";
import type { Clock } from "../clock.ts";
import type { Engine } from "../engine/engine.ts";
import { TaskError } from "../errors.ts";
import type { AcceptedEvent, CancelledTask, CreatedTask, NewEvent } from "../store/records.ts";
import type { Store } from "../store/store.ts";
import { structBytes } from "../struct.ts";
import { requestKey } from "./request-key.ts";

/** The way in: what changes a task from outside, made durable before it is answered (G1), and told to the engine. */
export interface Mailbox {
  createTask(request: CreateTaskRequest): Promise<CreatedTask>;
  sendEvent(request: SendEventRequest): Promise<AcceptedEvent>;
  cancelTask(request: CancelTaskRequest): Promise<CancelledTask>;
}

export interface MailboxOptions {
  store: Store;
  engine: Engine;
  agents: ReadonlyMap<string, Agent>;
  clock: Clock;
}

/** Makes the way in. Its requests have passed validation. */
export function createMailbox({ store, engine, agents, clock }: MailboxOptions): Mailbox {
  return {
    async createTask(request) {
      requireAgent(agents, request.agent);
      const { name, parentTaskId, event } = request;
      const created = await store.createTask({
        taskId: clock.id(),
        agent: request.agent,
        ...(name !== "" && { name }),
        ...(request.params && { params: structBytes(request.params) }),
        labels: request.labels,
        ...(parentTaskId !== "" && { parentTaskId }),
        ...(event && { event: newEvent(event) }),
        ...requestKey(CreateTaskRequestSchema, request),
        now: clock.now(),
      });
      if (!created.duplicate) engine.wake(created.task.id);
      return created;
    },

    async sendEvent(request) {
      const { taskId, parts, type, sender, metadata, expectedSequence } = request;
      const accepted = await store.sendEvent({
        taskId,
        event: newEvent(create(EventInputSchema, { parts, type, sender, ...(metadata && { metadata }) })),
        ...(expectedSequence !== 0n && { expectedSequence: Number(expectedSequence) }),
        ...requestKey(SendEventRequestSchema, request),
        now: clock.now(),
      });
      if (!accepted.duplicate) engine.wake(taskId);
      return accepted;
    },

    async cancelTask(request) {
      const { taskId, reason } = request;
      const cancelled = await store.cancelTask({
        taskId,
        ...(reason !== "" && { reason }),
        ...requestKey(CancelTaskRequestSchema, request),
        now: clock.now(),
      });
      engine.cancel(cancelled.cancelled);
      return cancelled;
    },
  };

  function newEvent(input: EventInput): NewEvent {
    return { id: clock.id(), content: toBinary(EventInputSchema, input) };
  }
}

/** Throws AGENT_NOT_FOUND unless there is such an agent. */
export function requireAgent(agents: ReadonlyMap<string, Agent>, name: string): Agent {
  const agent = agents.get(name);
  if (agent !== undefined) return agent;
  throw new TaskError("AGENT_NOT_FOUND", `there is no agent ${JSON.stringify(name)}`, {
    resource: { type: "agent", name },
  });
}
