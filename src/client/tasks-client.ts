import { create, type JsonObject } from "@bufbuild/protobuf";
import { createClient, type Transport } from "@connectrpc/connect";
import {
  type CancelEventResponse,
  CancelTaskRequestSchema,
  type CancelTaskResponse,
  CreateTaskRequestSchema,
  type CreateTaskResponse,
  CreateTaskTokenRequestSchema,
  type CreateTaskTokenResponse,
  type Event,
  InterruptTaskRequestSchema,
  type InterruptTaskResponse,
  type Message,
  type RedriveEventResponse,
  type SendEventResponse,
  type Task,
  TaskService,
  type TaskStateRevision,
  type TaskUpdate,
} from "../proto.ts";
import { createRequest } from "./create-request.ts";
import { type EventContent, parseEventContent } from "./event-content.ts";
import { isReason, type PigeonholeError } from "./pigeonhole-error.ts";
import { readPages } from "./read-pages.ts";
import { createRequestId } from "./request-id.ts";
import { requireField, type With } from "./required-field.ts";
import { isRefused, isRetryable, type RetryPolicy, retry } from "./retry.ts";
import { sendEvent } from "./send-event.ts";
import { type SubscribeOptions, subscribe } from "./subscribe.ts";
import type {
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
} from "./task-options.ts";
import { applyUpdate, createTaskView, type TaskView } from "./task-view.ts";
import { durationOf, timestampOf } from "./times.ts";

/** What an agent has stored for a task. */
export interface TaskStateSnapshot {
  /** The values by key. */
  state: JsonObject;
  /** How many turns had changed it. */
  revision: bigint;
  /** The sequence of the task's log that this reflects; for a revision of the past, that of the first entry that does. */
  sequence: bigint;
}

/**
 * Makes tasks, puts events into their mailboxes, shows what comes of them and cancels them.
 *
 * Calls reject, and iterations throw, with a PigeonholeError, or with the reason of the caller's signal once that is aborted.
 * A call that fails with something that passes is made again, as RetryOptions say. One that changes something has a request id,
 * or is such that doing it twice does no harm, so that however often it is made it has one effect; when it rejects with
 * `CONNECTION_LOST` it may have had that effect, and making it again with the same `requestId` is safe. What it is made from is read when it
 * is made, and may be changed afterwards.
 */
export interface TasksClient {
  /** Makes a task, or finds the unfinished one of that name. Rejects with `AGENT_NOT_FOUND`, `TASK_NAME_TAKEN`, `MAILBOX_FULL`. */
  create(task: NewTask, options?: ReadOptions): Promise<With<CreateTaskResponse, "task">>;

  /**
   * Puts an event into a task's mailbox. When it resolves the event is durable; it is not processed yet.
   *
   * With `wait: EventWait.PROCESSED` it resolves when the event is PROCESSED, DEAD_LETTERED or DROPPED, or `waitTimeout` has passed:
   * `event.state` tells which, and `settledSequence` is 0 if the time has passed before. Lost connections do not make the wait longer.
   * Rejects with `TASK_NOT_FOUND`, `TASK_FINISHED`, `TASK_BUSY`, `QUESTION_CLOSED`, `ANSWER_INVALID`, `MAILBOX_FULL`, `SEQUENCE_MISMATCH`.
   */
  send(
    taskId: string,
    content: EventContent,
    options?: SendOptions,
  ): Promise<With<SendEventResponse, "event">>;

  /**
   * Takes an event back that waits, SCHEDULED or QUEUED. Doing it twice answers the same.
   * Rejects with `TASK_NOT_FOUND`, `EVENT_NOT_FOUND`, or `EVENT_STATE` if it is being processed or was.
   */
  cancelEvent(
    taskId: string,
    eventId: string,
    options?: ReadOptions,
  ): Promise<With<CancelEventResponse, "event">>;

  /**
   * Puts one dead-lettered event back at the end of the mailbox, or all of them; a task that is PAUSED goes on. It has no request id: when
   * its answer is lost it is not made again by itself, and rejects with `CONNECTION_LOST`.
   * Rejects with `TASK_NOT_FOUND`, `TASK_FINISHED`, `EVENT_NOT_FOUND`, `EVENT_STATE` if it is not dead-lettered, `MAILBOX_FULL`.
   */
  redrive(
    taskId: string,
    target: RedriveTarget,
    options?: ReadOptions,
  ): Promise<With<RedriveEventResponse, "task">>;

  /** Stops the turn in hand and drops its event; what waits stays. Rejects with `TASK_NOT_FOUND` or `TASK_FINISHED`. */
  interrupt(taskId: string, options?: InterruptOptions): Promise<With<InterruptTaskResponse, "task">>;

  /**
   * Cancels a task. Doing it twice answers the same. Rejects with `TASK_NOT_FOUND`, or `TASK_FINISHED` if it completed, failed or timed
   * out.
   */
  cancel(taskId: string, options?: CancelOptions): Promise<With<CancelTaskResponse, "task">>;

  /**
   * Deletes a finished task with all that belongs to it. Rejects with `TASK_UNFINISHED`, or `TASK_NOT_FOUND` if it is not there, but not
   * if it may be this call that deleted it, and an earlier answer was lost.
   */
  delete(taskId: string, options?: ReadOptions): Promise<void>;

  /** Gets a task by its id or by its name. Rejects with `TASK_NOT_FOUND`. */
  get(key: string | { name: string }, options?: ReadOptions): Promise<Task>;

  /** Lists tasks, newest first. Reads on page by page as it is iterated. */
  list(filters?: TaskFilters): AsyncIterable<Task>;

  /** Lists the events of a task, oldest first. Reads on page by page as it is iterated. Throws `TASK_NOT_FOUND`. */
  events(taskId: string, filters?: EventFilters): AsyncIterable<Event>;

  /** Lists the messages of a task, oldest first, as `events` does. */
  messages(taskId: string, options?: ListOptions): AsyncIterable<Message>;

  /** Gets what the agent has stored for a task, now or at a revision. Rejects with `TASK_NOT_FOUND` or `REVISION_NOT_FOUND`. */
  state(taskId: string, options?: StateOptions): Promise<TaskStateSnapshot>;

  /** Lists the revisions of a task's state that are kept, newest first, as `events` does. */
  states(taskId: string, options?: ListOptions): AsyncIterable<TaskStateRevision>;

  /**
   * Makes a token for one task, to be given to a browser: it allows what `permissions` say of that task, for as long as `ttl`, and nothing
   * else. Rejects with `TASK_NOT_FOUND`.
   */
  createToken(taskId: string, options: TaskTokenOptions): Promise<CreateTaskTokenResponse>;

  /**
   * Follows a task's log: what comes after a sequence, then what happens, until the task's final entry.
   *
   * Shows every entry once and in order: a connection that breaks, stalls or is refused is resumed after the last entry seen, for
   * as long as it takes. Throws what that cannot mend, such as `TASK_NOT_FOUND` or `SEQUENCE_OUT_OF_RANGE`, and `UNRECOGNIZED`
   * for an entry that the transport cannot read, with the sequence that it comes after in `metadata.after_sequence`. Reads on only when it
   * is asked for more. Leaving the loop cancels the call and releases all that listens or ticks, as aborting the signal does.
   */
  subscribe(taskId: string, options?: SubscribeOptions): AsyncGenerator<TaskUpdate, void, undefined>;

  /** Follows a task as `subscribe` does, and shows the view after each entry. */
  view(taskId: string, options?: ViewOptions): AsyncGenerator<TaskView, void, undefined>;
}

/** Makes a TasksClient over a transport. */
export function createTasksClient(transport: Transport, policy: RetryPolicy): TasksClient {
  const rpc = createClient(TaskService, transport);
  return {
    async create({ event, requestId = createRequestId(), ttl, expireTime, ...task }, { signal } = {}) {
      const request = createRequest(CreateTaskRequestSchema, {
        ...task,
        ...(event !== undefined && { event: parseEventContent(event) }),
        ...(expireTime && {
          expiration: { case: "expireTime", value: timestampOf("expire_time", expireTime) },
        }),
        ...(ttl !== undefined && { expiration: { case: "ttl", value: durationOf("ttl", ttl) } }),
        requestId,
      });
      return requireField(await retry(policy, signal, (call) => rpc.createTask(request, call)), "task");
    },

    send: async (taskId, content, options = {}) =>
      requireField(await sendEvent(rpc, policy, taskId, content, options), "event"),

    async cancelEvent(taskId, eventId, { signal } = {}) {
      const response = await retry(policy, signal, (call) => rpc.cancelEvent({ taskId, eventId }, call));
      return requireField(response, "event");
    },

    async redrive(taskId, { eventId, all }, { signal } = {}) {
      const target =
        eventId === undefined
          ? { case: "all" as const, value: all }
          : { case: "eventId" as const, value: eventId };
      const request = { taskId, target };
      const response = await retry(policy, signal, (call) => rpc.redriveEvent(request, call), isRefused);
      return requireField(response, "task");
    },

    async interrupt(taskId, { signal, reason = "", requestId = createRequestId() } = {}) {
      const request = create(InterruptTaskRequestSchema, { taskId, reason, requestId });
      return requireField(await retry(policy, signal, (call) => rpc.interruptTask(request, call)), "task");
    },

    async cancel(taskId, { signal, reason = "", requestId = createRequestId() } = {}) {
      const request = create(CancelTaskRequestSchema, { taskId, reason, requestId });
      return requireField(await retry(policy, signal, (call) => rpc.cancelTask(request, call)), "task");
    },

    async delete(taskId, { signal } = {}) {
      let lost = false;
      const mayRepeat = (error: PigeonholeError) => {
        lost ||= isRetryable(error) && !isRefused(error);
        return isRetryable(error);
      };
      try {
        await retry(policy, signal, (call) => rpc.deleteTask({ taskId }, call), mayRepeat);
      } catch (error) {
        if (!lost || !isReason(error, "TASK_NOT_FOUND")) throw error;
      }
    },

    async get(key, { signal } = {}) {
      const request =
        typeof key === "string"
          ? { key: { case: "taskId" as const, value: key } }
          : { key: { case: "name" as const, value: key.name } };
      const response = await retry(policy, signal, (call) => rpc.getTask(request, call));
      return requireField(response, "task").task;
    },

    list: ({ signal, ...filters } = {}) =>
      readPages(signal, async (pageToken) => {
        const request = { ...filters, pageToken };
        const response = await retry(policy, signal, (call) => rpc.listTasks(request, call));
        return { items: response.tasks, nextPageToken: response.nextPageToken };
      }),

    events: (taskId, { signal, ...filters } = {}) =>
      readPages(signal, async (pageToken) => {
        const request = { ...filters, taskId, pageToken };
        const response = await retry(policy, signal, (call) => rpc.listEvents(request, call));
        return { items: response.events, nextPageToken: response.nextPageToken };
      }),

    messages: (taskId, { signal, ...options } = {}) =>
      readPages(signal, async (pageToken) => {
        const request = { ...options, taskId, pageToken };
        const response = await retry(policy, signal, (call) => rpc.listMessages(request, call));
        return { items: response.messages, nextPageToken: response.nextPageToken };
      }),

    async state(taskId, { signal, revision = 0n } = {}) {
      const response = await retry(policy, signal, (call) => rpc.getTaskState({ taskId, revision }, call));
      return { state: response.state ?? {}, revision: response.revision, sequence: response.sequence };
    },

    states: (taskId, { signal, ...options } = {}) =>
      readPages(signal, async (pageToken) => {
        const request = { ...options, taskId, pageToken };
        const response = await retry(policy, signal, (call) => rpc.listTaskStates(request, call));
        return { items: response.states, nextPageToken: response.nextPageToken };
      }),

    async createToken(taskId, { signal, permissions, ttl }) {
      const request = createRequest(CreateTaskTokenRequestSchema, {
        taskId,
        permissions,
        ...(ttl !== undefined && { ttl: durationOf("ttl", ttl) }),
      });
      return retry(policy, signal, (call) => rpc.createTaskToken(request, call));
    },

    subscribe: (taskId, options = {}) => subscribe(rpc, policy, taskId, options),

    async *view(taskId, { from = createTaskView(), ...options } = {}) {
      let view = from;
      for await (const update of subscribe(rpc, policy, taskId, {
        ...options,
        afterSequence: view.sequence,
      })) {
        view = applyUpdate(view, update);
        yield view;
      }
    },
  };
}
