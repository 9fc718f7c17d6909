import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { EventWait, SubscribeTaskResponseSchema, type TaskService } from "../proto.ts";
import { type Caller, callerKey, ownerToList, type TaskTokens } from "./auth/index.ts";
import type { Clock } from "./clock.ts";
import { taskNotFound } from "./errors.ts";
import { linkSignals } from "./link-signals.ts";
import type { Mailbox } from "./mailbox/mailbox.ts";
import { wholeMillis } from "./mailbox/time-fields.ts";
import { createPageTokens, pageBounds } from "./page-token.ts";
import type { Millis, TaskRecord } from "./store/records.ts";
import type { Store } from "./store/store.ts";
import { renderEvent, renderMessage, renderTask, renderUpdate } from "./task-log/render.ts";
import { renderRevision, renderState } from "./task-log/render-state.ts";
import type { LogUpdate, TaskLog } from "./task-log/task-log.ts";
import { permissionsOf, ttlOf } from "./task-permissions.ts";

/** How many tasks are looked at for a page of those that pass a filter which no index has: some 10 ms of the store's time. */
const maxScanned = 10_000;
/** How long SendEvent waits for an event to be processed when the request does not say. */
const defaultWait: Millis = 30_000;

export interface TaskServiceOptions {
  store: Pick<
    Store,
    "getTask" | "listTasks" | "listEvents" | "listMessages" | "getState" | "getStateAt" | "listStates"
  >;
  mailbox: Mailbox;
  taskLog: TaskLog;
  /** Aborts when the server stops. */
  stopping: AbortSignal;
  clock: Clock;
  auth: { taskTokens(): Promise<TaskTokens> };
}

/** TaskService over the core: names and tokens in, records out. Its requests have passed validation. */
export function createTaskService({
  store,
  mailbox,
  taskLog,
  stopping,
  clock,
  auth,
}: TaskServiceOptions): ServiceImpl<typeof TaskService> {
  return {
    async createTask(request, { values }) {
      const creator = values.get(callerKey).principal.id;
      const { task, created, event, input, duplicate } = await mailbox.createTask(request, { creator });
      return {
        task: renderTask(task),
        created,
        ...(event && { event: renderEvent(event, input) }),
        duplicate,
      };
    },

    async getTask({ key }, { values }) {
      const task =
        key.case === "name"
          ? await findNamed(key.value, values.get(callerKey))
          : await store.getTask({ id: key.value ?? "" });
      if (task === undefined) throw taskNotFound(key.value ?? "");
      return { task: renderTask(task) };
    },

    async listTasks({ owner: asked, agent, states, labels, namePrefix, parentTaskId, ...page }, { values }) {
      const owner = ownerToList(values.get(callerKey), asked);
      if (owner === "none") return {};
      const { pageSize, pageToken } = page;
      const filters = [agent, states, Object.entries(labels).sort(), namePrefix, parentTaskId, asked];
      const tokens = createPageTokens("tasks", filters, ["number", "string"]);
      const position = tokens.decode(pageToken);
      const { items, next } = await store.listTasks({
        ...owner,
        ...(agent !== "" && { agent }),
        states,
        labels,
        ...(namePrefix !== "" && { namePrefix }),
        ...(parentTaskId !== "" && { parentTaskId }),
        ...(position && { before: { createTime: Number(position[0]), id: String(position[1]) } }),
        ...pageBounds(pageSize),
        maxScanned,
      });
      return {
        tasks: items.map(renderTask),
        nextPageToken: next ? tokens.encode([next.createTime, next.id]) : "",
      };
    },

    async sendEvent(request, context) {
      const { event: accepted, input, duplicate } = await mailbox.sendEvent(request);
      if (request.wait !== EventWait.PROCESSED) return { event: renderEvent(accepted, input), duplicate };
      const { signal, release } = linkSignals(context.signal, stopping);
      try {
        const timeout = request.waitTimeout ? wholeMillis(request.waitTimeout) : defaultWait;
        const { event, settledSequence = 0 } = await taskLog.settled({ event: accepted, timeout, signal });
        return { event: renderEvent(event, input), duplicate, settledSequence: BigInt(settledSequence) };
      } finally {
        release();
      }
    },

    async cancelEvent(request) {
      return { event: renderEvent(await mailbox.cancelEvent(request)) };
    },

    async redriveEvent(request) {
      const { task, redriven } = await mailbox.redriveEvent(request);
      return { task: renderTask(task), redrivenEvents: redriven };
    },

    async interruptTask(request) {
      const { task, interrupted, duplicate } = await mailbox.interruptTask(request);
      return { task: renderTask(task), interruptedEvents: interrupted, duplicate };
    },

    async cancelTask(request) {
      const { task, duplicate } = await mailbox.cancelTask(request);
      return { task: renderTask(task), duplicate };
    },

    async deleteTask(request) {
      await mailbox.deleteTask(request);
      return {};
    },

    async *subscribeTask({ taskId, afterSequence }, context) {
      const { signal, release } = linkSignals(context.signal, stopping);
      const respond = responderFor(context);
      try {
        const follow = { taskId, afterSequence: Number(afterSequence), signal };
        for await (const updates of taskLog.follow(follow)) {
          for (const update of updates) {
            // A reader that is slow may take long over a page.
            signal.throwIfAborted();
            yield respond(update);
          }
        }
      } finally {
        release();
      }
    },

    async listEvents({ taskId, states, pageSize, pageToken }) {
      const tokens = createPageTokens("events", [taskId, states], ["number"]);
      const afterSequence = Number(tokens.decode(pageToken)?.[0] ?? 0);
      const page = await store.listEvents({ taskId, states, afterSequence, ...pageBounds(pageSize) });
      return {
        events: page.items.map((event) => renderEvent(event)),
        nextPageToken: page.more ? tokens.encode([page.items.at(-1)?.sequence ?? 0]) : "",
        sequence: BigInt(page.sequence),
      };
    },

    async listMessages({ taskId, pageSize, pageToken }) {
      const tokens = createPageTokens("messages", [taskId], ["number"]);
      const afterSequence = Number(tokens.decode(pageToken)?.[0] ?? 0);
      const page = await store.listMessages({ taskId, afterSequence, ...pageBounds(pageSize) });
      return {
        messages: page.items.map(renderMessage),
        nextPageToken: page.more ? tokens.encode([page.items.at(-1)?.sequence ?? 0]) : "",
        sequence: BigInt(page.sequence),
      };
    },

    async createTaskToken({ taskId, permissions, ttl }, { values }) {
      const { principal, tokenId, expireTime: end = Number.POSITIVE_INFINITY } = values.get(callerKey);
      // It ends with what its maker has shown.
      const expireTime = Math.min(clock.now() + ttlOf(ttl), end);
      if ((await store.getTask({ id: taskId })) === undefined) throw taskNotFound(taskId);
      const token = (await auth.taskTokens()).sign({
        taskId,
        permissions: permissionsOf(permissions),
        principal: principal.id,
        ...(tokenId !== undefined && { tokenId }),
        expireTime,
      });
      return { token, expireTime: timestampFromMs(expireTime) };
    },

    async getTaskState({ taskId, revision }) {
      return renderState(
        revision === 0n
          ? await store.getState(taskId)
          : await store.getStateAt({ taskId, revision: Number(revision) }),
      );
    },

    async listTaskStates({ taskId, pageSize, pageToken }) {
      const tokens = createPageTokens("states", [taskId], ["number"]);
      const before = tokens.decode(pageToken);
      const page = await store.listStates({
        taskId,
        ...(before && { beforeRevision: Number(before[0]) }),
        ...pageBounds(pageSize),
      });
      return {
        states: page.items.map(renderRevision),
        nextPageToken: page.more ? tokens.encode([page.items.at(-1)?.revision ?? 0]) : "",
        sequence: BigInt(page.sequence),
      };
    },
  };

  /** Finds a task by name: the caller's own first, if it sees those of others. */
  async function findNamed(name: string, { principal, owner }: Caller): Promise<TaskRecord | undefined> {
    if (owner !== undefined) return store.getTask({ name, owner });
    const mine = principal.id === "" ? undefined : await store.getTask({ name, owner: principal.id });
    return mine ?? store.getTask({ name });
  }
}

type SubscribeResponse = MessageInitShape<typeof SubscribeTaskResponseSchema>;

/**
 * Gives how updates are answered over the protocol of a call. For a binary one, an entry is encoded once for all who follow its task: the
 * answer carries the bytes as they are, as a field that is already encoded.
 */
function responderFor(context: HandlerContext): (update: LogUpdate) => SubscribeResponse {
  const json = context.requestHeader.get("content-type")?.includes("json") ?? false;
  if (json) return (update) => ({ update: renderUpdate(update) });
  return (update) => {
    const known = encodedUpdates.get(update);
    if (known !== undefined) return known;
    const whole = toBinary(
      SubscribeTaskResponseSchema,
      create(SubscribeTaskResponseSchema, { update: renderUpdate(update) }),
    );
    const response = create(SubscribeTaskResponseSchema);
    // The field's tag takes one byte; what follows is its length and its content.
    response.$unknown = [{ no: 1, wireType: WireType.LengthDelimited, data: whole.subarray(1) }];
    encodedUpdates.set(update, response);
    return response;
  };
}

const encodedUpdates = new WeakMap<LogUpdate, SubscribeResponse>();
