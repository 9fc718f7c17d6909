import {
  type CancelEventRequest,
  type CancelTaskRequest,
  CancelTaskRequestSchema,
  type CreateTaskRequest,
  CreateTaskRequestSchema,
  type DeleteTaskRequest,
  type EventInput,
  EventWait,
  type InterruptTaskRequest,
  InterruptTaskRequestSchema,
  OnBusy,
  type RedriveEventRequest,
  type SendEventRequest,
  SendEventRequestSchema,
} from "../../proto.ts";
import type { Agent } from "../agent.ts";
import type { Clock } from "../clock.ts";
import { agentNotFound } from "../errors.ts";
import type {
  AcceptedEvent,
  CancelledTask,
  CreatedTask,
  CreateTask,
  InterruptedTask,
  RedrivenEvents,
  RequestKey,
  SendEvent,
  StartTurnResult,
  TurnSource,
} from "../store/calls.ts";
import type { EventRecord, Millis } from "../store/records.ts";
import type { Store } from "../store/store.ts";
import { structBytes } from "../struct.ts";
import type { TaskQuota } from "../task-quota.ts";
import { originOf } from "../telemetry/trace-context.ts";
import { busyPolicies } from "./busy-policy.ts";
import { incomingEvent } from "./incoming-event.ts";
import { requestKey } from "./request-key.ts";
import { requireAnswer } from "./require-answer.ts";
import { requireNear, wholeMillis } from "./time-fields.ts";

/** The way in: what changes a task from outside, made durable before it is answered (G1). The store tells the engine of it. */
export interface Mailbox {
  /** With a `key`, that makes the request one request (G8), in place of its id. `input` is what its event says, with every choice made. */
  createTask(request: CreateTaskRequest, from?: TaskOrigin): Promise<CreatedTask & { input?: EventInput }>;
  /** `input` is what the event says, with every choice made. */
  sendEvent(request: SendEventRequest): Promise<AcceptedEvent & { input: EventInput }>;
  cancelEvent(request: CancelEventRequest): Promise<EventRecord>;
  redriveEvent(request: RedriveEventRequest): Promise<RedrivenEvents>;
  interruptTask(request: InterruptTaskRequest): Promise<InterruptedTask>;
  cancelTask(request: CancelTaskRequest): Promise<CancelledTask>;
  deleteTask(request: DeleteTaskRequest): Promise<void>;
}

/** Who makes a task. */
export interface TaskOrigin {
  /** Its principal. Default the server. */
  creator?: string;
  key?: RequestKey;
}

/**
 * Makes a call of the store that may make a turn of a task due, and settles as it does. The call is told who may run that turn, if that is
 * known, so that its own transaction starts it.
 */
export type AcceptWork = <Result extends StartTurnResult>(
  taskId: string,
  call: (next: TurnSource | undefined) => Promise<Result>,
) => Promise<Result>;

export interface MailboxOptions {
  store: Pick<
    Store,
    | "createTask"
    | "sendEvent"
    | "cancelEvent"
    | "redriveEvents"
    | "interruptTask"
    | "cancelTask"
    | "deleteTask"
    | "getTask"
  >;
  agents: ReadonlyMap<string, Agent>;
  /** Has a turn started with what makes it due. Default: engines are told by the store that it is. */
  accept?: AcceptWork;
  /** Holds principals to a number of unfinished tasks. Default: as many as they like. */
  quota?: TaskQuota;
  clock: Clock;
}

/** Makes the way in. Its requests have passed validation. */
export function createMailbox(options: MailboxOptions): Mailbox {
  const { store, agents, accept = (_, call) => call(undefined), quota, clock } = options;
  // Which agent a task has takes a read. Where all agents queue, which is the default, no event pays for that.
  const allQueue = [...agents.values()].every(({ onBusy }) => onBusy === "queue");
  return {
    async createTask(request, { creator = "", key } = {}) {
      const { name, parentTaskId, event: input } = request;
      const agent = findAgent(agents, request.agent, request);
      const onBusy = agent?.onBusy ?? "queue";
      const now = clock.now();
      const incoming = input && incomingEvent({ id: clock.id(), input, path: "event.", onBusy, now });
      const parent = parentTaskId === "" ? undefined : await store.getTask({ id: parentTaskId });
      const owner = parent === undefined ? creator : (parent.owner ?? "");
      if (incoming?.event.answers !== undefined && name !== "") {
        requireAnswer((await store.getTask({ name, owner }))?.question, incoming.input, "event.");
      }
      const args: CreateTask = {
        taskId: clock.id(),
        ...(creator !== "" && { creator }),
        agent: request.agent,
        ...(agent === undefined && { served: false }),
        ...(name !== "" && { name }),
        ...(request.params && { params: structBytes(request.params) }),
        labels: request.labels,
        ...(parentTaskId !== "" && { parentTaskId }),
        ...(incoming && { event: incoming.event }),
        ...expireTimeOf(request, now),
        ...originOf(),
        ...(key === undefined ? requestKey(CreateTaskRequestSchema, request) : { request: key }),
        now,
      };
      const room = await quota?.reserve(owner);
      let made = 0;
      try {
        const created = await accept(args.taskId, (next) =>
          store.createTask({ ...args, ...room?.limit(), ...(next && { next }) }),
        );
        made = Number(created.created && !created.duplicate);
        return { ...created, ...(incoming && { input: asAccepted(incoming.input, created.event) }) };
      } finally {
        room?.settle(made);
      }
    },

    async sendEvent(request) {
      const { taskId, expectedSequence } = request;
      const byAgent = request.onBusy === OnBusy.UNSPECIFIED && !allQueue;
      const task = byAgent || request.answers !== "" ? await store.getTask({ id: taskId }) : undefined;
      const onBusy = agents.get(task?.agent ?? "")?.onBusy ?? "queue";
      const now = clock.now();
      const { input, event } = incomingEvent({ id: clock.id(), input: request, path: "", onBusy, now });
      requireAnswer(task?.question, input, "");
      const args: SendEvent = {
        taskId,
        event,
        ...(expectedSequence !== 0n && { expectedSequence: Number(expectedSequence) }),
        // How long the answer takes is not what the request is about.
        ...requestKey(SendEventRequestSchema, request, {
          wait: EventWait.UNSPECIFIED,
          waitTimeout: undefined,
        }),
        now,
      };
      const accepted = await accept(taskId, (next) => store.sendEvent({ ...args, ...(next && { next }) }));
      return { ...accepted, input: asAccepted(input, accepted.event) };
    },

    cancelEvent: ({ taskId, eventId }) => store.cancelEvent({ taskId, eventId, now: clock.now() }),

    redriveEvent: ({ taskId, target }) =>
      store.redriveEvents({
        taskId,
        ...(target.case === "eventId" && { eventId: target.value }),
        now: clock.now(),
      }),

    interruptTask: (request) =>
      store.interruptTask({
        ...taskAndReason(request),
        ...requestKey(InterruptTaskRequestSchema, request),
        now: clock.now(),
      }),

    cancelTask: (request) =>
      store.cancelTask({
        ...taskAndReason(request),
        ...requestKey(CancelTaskRequestSchema, request),
        now: clock.now(),
      }),

    deleteTask: ({ taskId }) => store.deleteTask({ taskId, now: clock.now() }),
  };
}

/** Throws AGENT_NOT_FOUND unless there is such an agent. */
export function requireAgent(agents: ReadonlyMap<string, Agent>, name: string): Agent {
  const agent = agents.get(name);
  if (agent !== undefined) return agent;
  throw agentNotFound(name);
}

/**
 * Finds the agent that a request is for. Throws AGENT_NOT_FOUND, but not for one that has an id: if it was answered while there was such an
 * agent, it is answered the same, which the store knows.
 */
export function findAgent(
  agents: ReadonlyMap<string, Agent>,
  name: string,
  { requestId }: { requestId: string },
): Agent | undefined {
  return requestId === "" ? requireAgent(agents, name) : agents.get(name);
}

/** What an event says, with the choice that was made when it was accepted: of a repeated request another would be made now. */
function asAccepted(input: EventInput, event: EventRecord | undefined): EventInput {
  return event?.onBusy === undefined ? input : { ...input, onBusy: busyPolicies[event.onBusy] };
}

function expireTimeOf({ expiration }: CreateTaskRequest, now: Millis): { expireTime?: Millis } {
  switch (expiration.case) {
    case "ttl":
      return { expireTime: now + wholeMillis(expiration.value) };
    case "expireTime":
      return { expireTime: requireNear("expire_time", expiration.value, now) };
    case undefined:
      return {};
  }
}

function taskAndReason({ taskId, reason }: { taskId: string; reason: string }) {
  return { taskId, ...(reason !== "" && { reason }) };
}
