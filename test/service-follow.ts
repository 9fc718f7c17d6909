import type { MessageShape } from "@bufbuild/protobuf";
import { type Client, createClient, type Transport } from "@connectrpc/connect";
import { applyUpdate, createTaskView, type TaskView } from "../src/client/index.ts";
import {
  AgentService,
  EventState,
  type Part,
  ScheduleService,
  type SubscribeTaskResponseSchema,
  TaskService,
  TaskState,
  type TaskUpdate,
} from "../src/proto.ts";

export type TaskClient = Client<typeof TaskService>;

type SubscribeTaskResponse = MessageShape<typeof SubscribeTaskResponseSchema>;

/** The clients of three services over one transport. */
export function clientsOf(transport: Transport) {
  return {
    tasks: createClient(TaskService, transport),
    agents: createClient(AgentService, transport),
    schedules: createClient(ScheduleService, transport),
  };
}

/** A part of text, as a request takes it. */
export function text(value: string) {
  return { content: { case: "text" as const, value } };
}

/** The texts of parts, joined. */
export function textOf(parts: readonly Part[]): string {
  return parts.map(({ content }) => (content.case === "text" ? content.value : "")).join("");
}

/** Gives the updates of a subscription. */
export async function* updatesOf(
  responses: AsyncIterable<SubscribeTaskResponse>,
): AsyncGenerator<TaskUpdate> {
  for await (const { update } of responses) {
    if (update === undefined) throw new Error("a response without an update");
    yield update;
  }
}

/** Reads a subscription to its end. Heartbeats are left out. */
export async function readAll(responses: AsyncIterable<SubscribeTaskResponse>): Promise<TaskUpdate[]> {
  const updates: TaskUpdate[] = [];
  for await (const update of updatesOf(responses)) {
    if (update.entry.case !== "heartbeat") updates.push(update);
  }
  return updates;
}

/** Follows a task until one update is the one that is waited for, and leaves. Gives all that came, heartbeats included. */
export async function followUntil(
  tasks: TaskClient,
  request: { taskId: string; afterSequence?: bigint },
  isLast: (update: TaskUpdate) => boolean,
): Promise<TaskUpdate[]> {
  const leave = new AbortController();
  const updates: TaskUpdate[] = [];
  try {
    for await (const update of updatesOf(tasks.subscribeTask(request, { signal: leave.signal }))) {
      updates.push(update);
      if (isLast(update)) return updates;
    }
  } finally {
    leave.abort();
  }
  throw new Error("the subscription ended before what was waited for");
}

/** Tells whether an update says that an event has been processed. */
export function tellsProcessed(eventId: string | undefined): (update: TaskUpdate) => boolean {
  return ({ entry }) =>
    entry.case === "event" && entry.value.id === eventId && entry.value.state === EventState.PROCESSED;
}

/** Makes what a log comes to. */
export function viewOf(updates: Iterable<TaskUpdate>, from: TaskView = createTaskView()): TaskView {
  let view = from;
  for (const update of updates) view = applyUpdate(view, update);
  return view;
}

/** Sends an event and waits until it has been processed. Gives the event as it was accepted. */
export async function sendAndWait(
  tasks: TaskClient,
  taskId: string,
  type: string,
  value = "x",
  metadata = {},
) {
  const { event } = await tasks.sendEvent({ taskId, type, parts: [text(value)], metadata });
  await followUntil(tasks, { taskId, afterSequence: event?.sequence ?? 0n }, tellsProcessed(event?.id));
  return present(event);
}

/** Makes a task and waits until it takes events. Gives its id. */
export async function newTask(tasks: TaskClient, agent = "desk"): Promise<string> {
  const taskId = present((await tasks.createTask({ agent })).task).id;
  await followUntil(tasks, { taskId }, ({ entry }) => tellsState(entry, TaskState.ACTIVE));
  return taskId;
}

/** Tells whether an entry says that its task is in a state from there on. */
export function tellsState(entry: TaskUpdate["entry"], state: TaskState): boolean {
  return entry.case === "task" && entry.value.state === state;
}

/** Gives a value that must be there. */
export function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("an answer without what it is about");
  return value;
}
