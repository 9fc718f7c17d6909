import type { Transport } from "@connectrpc/connect";
import {
  applyUpdate,
  createClient,
  createTaskView,
  EventState,
  EventWait,
  isFinalState,
  isReason,
  PigeonholeError,
  type Task,
  TaskState,
  type TasksClient,
  type TaskUpdate,
} from "../../src/client/index.ts";
import { cutOnce } from "./cut-once.ts";

/** Makes a transport to the server that calls by this `fetch`. */
export type Connect = (fetch: typeof globalThis.fetch) => Transport;

/** What the client promises, found out by plain calls, so that it runs in a page: each gives what it saw, as data. */
export const clientFacts: Record<string, (connect: Connect) => Promise<unknown>> = {
  async "creates, and finds by name"(connect) {
    const tasks = clientOf(connect);
    const name = crypto.randomUUID();
    const first = await tasks.create({ agent: "scribe", name, labels: { kind: "fact" } });
    const second = await tasks.create({ agent: "scribe", name });
    const found = await tasks.get({ name });
    return [first.created, second.created, found.id === first.task.id, found.labels.kind];
  },

  async "sends once however often it is sent"(connect) {
    const { tasks, task } = await begin(connect);
    const requestId = crypto.randomUUID();
    const first = await tasks.send(task.id, "hello there", { requestId, wait: EventWait.PROCESSED });
    const again = await tasks.send(task.id, "hello there", { requestId });
    return [EventState[first.event.state], again.duplicate, again.event.id === first.event.id];
  },

  async "shows a conversation as it grows, to its end"(connect) {
    const { tasks, task } = await begin(connect);
    await tasks.send(task.id, "good bye", { type: "finish" });
    const lengths: number[] = [];
    let texts: string[] = [];
    for await (const { messages } of tasks.view(task.id)) {
      lengths.push(messages.length);
      texts = messages.map(({ parts }) => parts.map(({ content }) => content.value).join(""));
    }
    return { texts, grows: lengths.every((length, index) => length >= (lengths[index - 1] ?? 0)) };
  },

  async "goes on by itself, without a gap or a duplicate, when the connection breaks"(connect) {
    const { tasks, task } = await begin(connect);
    await tasks.send(task.id, "one two three four five", { type: "finish" });
    const whole = await read(tasks, task);
    const { fetch, cuts } = cutOnce(/SubscribeTask/, 1);
    const broken = await read(clientOf(connect, fetch), task);
    return { cuts: cuts(), same: picture(broken) === picture(whole), increases: increases(broken) };
  },

  async "resumes after the entry that it is told"(connect) {
    const { tasks, task } = await begin(connect);
    await tasks.send(task.id, "hello", { type: "finish" });
    const whole = await read(tasks, task);
    const begun = whole.slice(0, whole.length / 2);
    const rest = await read(tasks, task, begun.at(-1)?.sequence);
    const all = [...begun, ...rest];
    return { same: picture(all) === picture(whole), increases: increases(all) };
  },

  async "follows live, and lets go when the loop is left"(connect) {
    const { tasks, task } = await begin(connect);
    const seen: string[] = [];
    for await (const { entry } of tasks.subscribe(task.id)) {
      if (entry.case === "task" && entry.value.state === TaskState.ACTIVE) await tasks.send(task.id, "live");
      if (entry.case === "event") seen.push(EventState[entry.value.state]);
      if (seen.at(-1) === "PROCESSED") break;
    }
    return seen;
  },

  async cancels(connect) {
    const { tasks, task } = await begin(connect);
    const first = await tasks.cancel(task.id, { reason: "enough" });
    await tasks.cancel(task.id);
    const updates = await read(tasks, task);
    const states = updates.flatMap(({ entry }) => (entry.case === "task" ? [entry.value] : []));
    const last = states.at(-1);
    return [
      isFinalState(last?.state ?? 0),
      TaskState[last?.state ?? 0],
      first.task.statusReason,
      last?.statusReason,
    ];
  },

  async "gives every error its reason"(connect) {
    const { tasks, task } = await begin(connect);
    await tasks.send(task.id, "done", { type: "finish", wait: EventWait.PROCESSED });
    return [
      await reasonOf(tasks.get("nobody")),
      await reasonOf(tasks.create({ agent: "nobody" })),
      await reasonOf(tasks.send(task.id, "too late")),
      await reasonOf(tasks.create({ agent: "scribe", name: "x".repeat(300) })),
      await reasonOf(read(tasks, task, 1_000_000n)),
    ];
  },

  async "gives a call up when its signal is aborted"(connect) {
    const { tasks, task } = await begin(connect);
    const stop = new AbortController();
    const reading = read(tasks, task, 0n, stop.signal).catch(
      (error: unknown) => error === stop.signal.reason,
    );
    stop.abort(new Error("enough"));
    return await reading;
  },
};

function clientOf(connect: Connect, fetch = globalThis.fetch.bind(globalThis)): TasksClient {
  return createClient({ transport: connect(fetch), retry: { initialBackoff: 1 } }).tasks;
}

async function begin(connect: Connect): Promise<{ tasks: TasksClient; task: Task }> {
  const tasks = clientOf(connect);
  return { tasks, task: (await tasks.create({ agent: "scribe" })).task };
}

async function read(
  tasks: TasksClient,
  task: Task,
  afterSequence = 0n,
  signal?: AbortSignal,
): Promise<TaskUpdate[]> {
  const updates: TaskUpdate[] = [];
  for await (const update of tasks.subscribe(task.id, { afterSequence, ...(signal && { signal }) })) {
    updates.push(update);
  }
  return updates;
}

/** What a log amounts to, whichever of its deltas came as one. */
function picture(updates: TaskUpdate[]): string {
  const { task, events, messages, sequence } = updates.reduce(applyUpdate, createTaskView());
  const texts = messages.map(({ id, parts }) => [id, ...parts.map(({ content }) => content.value)]);
  return JSON.stringify([TaskState[task?.state ?? 0], events.length, texts, String(sequence)]);
}

function increases(updates: TaskUpdate[]): boolean {
  return updates.every(({ sequence }, index) => sequence > (updates[index - 1]?.sequence ?? 0n));
}

async function reasonOf(call: Promise<unknown>): Promise<unknown> {
  try {
    return await call;
  } catch (error) {
    if (isReason(error, "FIELD_INVALID")) return error.fields.map(({ field }) => field);
    return error instanceof PigeonholeError ? error.reason : String(error);
  }
}
