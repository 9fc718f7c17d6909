import { durationFromMs, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type Event, EventWait, type RedriveEventRequest, type Task } from "../src/proto.ts";
import { type Clients, follow, type Rpc, read, reasonOf, waitOf } from "./crash-clients.ts";
import type { CancelRequest, SendRequest, TaskEnd } from "./crash-history.ts";

type Call<Answer> = (
  rpc: Rpc,
  options: { timeoutMs: number },
) => Promise<{ answer: Answer | undefined; duplicate: boolean }>;

/** Creates a task of the scribe, labelled with the request, with a first event if one is given, whose outcome is noted with it. */
export function create(requestId: string, first: SendRequest | undefined, ttl?: number): Call<Task> {
  const request = {
    agent: "scribe",
    requestId,
    labels: { request: requestId },
    ...(ttl !== undefined && { expiration: { case: "ttl" as const, value: durationFromMs(ttl) } }),
    ...(first && { event: contentOf(first) }),
  };
  return async (rpc, options) => {
    const { task, event, duplicate } = await rpc.createTask(request, options).catch((error: unknown) => {
      // What is not known of the task is not known of its event, which a later answer may call a duplicate.
      first?.outcomes.push({ kind: "unknown" });
      throw error;
    });
    if (event !== undefined) first?.outcomes.push({ kind: "acknowledged", answer: event, duplicate });
    return { answer: task, duplicate };
  };
}

export function send(taskId: string, request: SendRequest): Call<Event> {
  return async (rpc, options) => {
    const { requestId } = request;
    const { event, duplicate } = await rpc.sendEvent({ taskId, requestId, ...contentOf(request) }, options);
    return { answer: event, duplicate };
  };
}

/** Takes an event back. */
export function unsend(taskId: string, eventId: string): Call<Event> {
  return async (rpc, options) => {
    const { event } = await rpc.cancelEvent({ taskId, eventId }, options);
    return { answer: event, duplicate: false };
  };
}

export function cancel(taskId: string, { requestId, reason }: CancelRequest): Call<Task> {
  return async (rpc, options) => {
    const { task, duplicate } = await rpc.cancelTask({ taskId, requestId, reason }, options);
    return { answer: task, duplicate };
  };
}

export function interrupt(taskId: string, { requestId, reason }: CancelRequest): Call<Task> {
  return async (rpc, options) => {
    const { task, duplicate } = await rpc.interruptTask({ taskId, requestId, reason }, options);
    return { answer: task, duplicate };
  };
}

/** Sends an event that was sent before, and waits until it is settled. */
export async function settle(clients: Clients, taskId: string, request: SendRequest): Promise<void> {
  const { requestId } = request;
  await read(clients, (rpc) =>
    rpc.sendEvent({ taskId, requestId, ...contentOf(request), wait: EventWait.PROCESSED }),
  );
}

/**
 * Puts an event of a task back that is dead-lettered, or all of them, unless the task is finished or there is none: as many as there is room
 * for, once there is some.
 */
export async function redrive(clients: Clients, taskId: string, eventId?: string): Promise<void> {
  const target: RedriveEventRequest["target"] =
    eventId === undefined ? { case: "all", value: true } : { case: "eventId", value: eventId };
  for (;;) {
    const full = await read(clients, (rpc) =>
      rpc.redriveEvent({ taskId, target }).then(
        () => undefined,
        (error: unknown) => {
          if (["TASK_FINISHED", "EVENT_STATE"].includes(reasonOf(error) ?? "")) return undefined;
          if (reasonOf(error) === "MAILBOX_FULL") return error;
          throw error;
        },
      ),
    );
    if (full === undefined) return;
    await clients.pause?.(waitOf(full));
  }
}

/** Reads all that there is of a task that has ended. */
export async function readEnd(clients: Clients, taskId: string): Promise<TaskEnd> {
  const log = await follow(clients, taskId, false);
  const rest = await read(clients, async (rpc) => {
    const [{ task }, { state, revision }, events, messages] = await Promise.all([
      rpc.getTask({ key: { case: "taskId", value: taskId } }),
      rpc.getTaskState({ taskId }),
      readEvents(rpc, { taskId, pageSize: 3 }, clients.progress),
      readPages(async (pageToken) => {
        const { messages: items, nextPageToken } = await rpc.listMessages({ taskId, pageSize: 3, pageToken });
        return { items, nextPageToken };
      }, clients.progress),
    ]);
    if (task === undefined) throw new Error(`task ${taskId} is empty`);
    return { task, state: state ?? {}, revision, events, messages };
  });
  return { log, ...rest };
}

/** Deletes a task that has ended, however often it takes, and sees that it is gone. */
export async function remove(clients: Clients, taskId: string): Promise<void> {
  const unlessGone = (error: unknown) => {
    if (reasonOf(error) !== "TASK_NOT_FOUND") throw error;
  };
  await read(clients, (rpc) => rpc.deleteTask({ taskId }).then(() => {}, unlessGone));
  const key = { case: "taskId" as const, value: taskId };
  const found = await read(clients, (rpc) => rpc.getTask({ key }).catch(unlessGone));
  if (found !== undefined) throw new Error(`G1 task ${taskId} was deleted, and is there`);
}

/** Reads the whole mailbox of a task. */
export function readEvents(
  rpc: Rpc,
  request: { taskId: string; pageSize?: number },
  onPage?: () => void,
): Promise<Event[]> {
  return readPages(async (pageToken) => {
    const { events: items, nextPageToken } = await rpc.listEvents({ ...request, pageToken });
    return { items, nextPageToken };
  }, onPage);
}

/** Reads all tasks. */
export function listTasks(clients: Clients): Promise<Task[]> {
  return read(clients, (rpc) =>
    readPages(async (pageToken) => {
      const { tasks: items, nextPageToken } = await rpc.listTasks({ pageToken });
      return { items, nextPageToken };
    }, clients.progress),
  );
}

/** Reads all pages of a list, and tells of each. */
export async function readPages<T>(
  readPage: (pageToken: string) => Promise<{ items: T[]; nextPageToken: string }>,
  onPage?: () => void,
): Promise<T[]> {
  const all: T[] = [];
  let pageToken = "";
  do {
    const page = await readPage(pageToken);
    onPage?.();
    all.push(...page.items);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return all;
}

function contentOf({ text, type, onBusy, answers, deliverTime }: SendRequest) {
  return {
    ...{ parts: [{ content: { case: "text" as const, value: text } }], type },
    ...(onBusy !== undefined && { onBusy }),
    ...(answers !== undefined && { answers }),
    ...(deliverTime !== undefined && { deliverTime: timestampFromMs(deliverTime) }),
  };
}
