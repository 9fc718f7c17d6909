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
import { answerTo } from "../agents/scribe-answer.ts";
import { cutOnce } from "./cut-once.ts";
import type { ClientFact, Place } from "./fact.ts";

/** What the client promises over a real server. */
export const conversing: ClientFact[] = [
  {
    name: "creates, and finds by name",
    expected: [true, false, true, "fact"],
    async find(place) {
      const tasks = clientOf(place);
      const name = crypto.randomUUID();
      const first = await tasks.create({ agent: "scribe", name, labels: { kind: "fact" } });
      const second = await tasks.create({ agent: "scribe", name });
      const found = await tasks.get({ name });
      return [first.created, second.created, found.id === first.task.id, found.labels.kind];
    },
  },

  {
    name: "sends once however often it is sent",
    expected: ["PROCESSED", true, true],
    async find(place) {
      const { tasks, task } = await begin(place);
      const requestId = crypto.randomUUID();
      const first = await tasks.send(task.id, "hello there", { requestId, wait: EventWait.PROCESSED });
      const again = await tasks.send(task.id, "hello there", { requestId });
      return [EventState[first.event.state], again.duplicate, again.event.id === first.event.id];
    },
  },

  {
    name: "shows a conversation as it grows, to its end",
    expected: { texts: ["I am ready.", "good bye", answerTo("good bye")], grows: true },
    async find(place) {
      const { tasks, task } = await begin(place);
      await tasks.send(task.id, "good bye", { type: "finish" });
      const lengths: number[] = [];
      let texts: string[] = [];
      for await (const { messages } of tasks.view(task.id)) {
        lengths.push(messages.length);
        texts = messages.map(({ parts }) => parts.map(({ content }) => content.value).join(""));
      }
      return { texts, grows: lengths.every((length, index) => length >= (lengths[index - 1] ?? 0)) };
    },
  },

  {
    name: "goes on by itself, without a gap or a duplicate, when the connection breaks",
    expected: { cuts: 1, same: true, increases: true },
    async find(place) {
      const { tasks, task } = await begin(place);
      await tasks.send(task.id, "one two three four five", { type: "finish" });
      const whole = await read(tasks, task);
      const { fetch, cuts } = cutOnce(/SubscribeTask/, 1);
      const broken = await read(clientOf(place, fetch), task);
      return { cuts: cuts(), same: picture(broken) === picture(whole), increases: increases(broken) };
    },
  },

  {
    name: "resumes after the entry that it is told",
    expected: { same: true, increases: true },
    async find(place) {
      const { tasks, task } = await begin(place);
      await tasks.send(task.id, "hello", { type: "finish" });
      const whole = await read(tasks, task);
      const begun = whole.slice(0, whole.length / 2);
      const rest = await read(tasks, task, begun.at(-1)?.sequence);
      const all = [...begun, ...rest];
      return { same: picture(all) === picture(whole), increases: increases(all) };
    },
  },

  {
    name: "follows live, and lets go when the loop is left",
    expected: ["QUEUED", "PROCESSING", "PROCESSED"],
    async find(place) {
      const { tasks, task } = await begin(place);
      const seen: string[] = [];
      for await (const { entry } of tasks.subscribe(task.id)) {
        if (entry.case === "task" && entry.value.state === TaskState.ACTIVE)
          await tasks.send(task.id, "live");
        if (entry.case === "event") seen.push(EventState[entry.value.state]);
        if (seen.at(-1) === "PROCESSED") break;
      }
      return seen;
    },
  },

  {
    name: "cancels",
    expected: [true, "CANCELLED", "enough", "enough"],
    async find(place) {
      const { tasks, task } = await begin(place);
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
  },

  {
    name: "gives every error its reason",
    expected: ["TASK_NOT_FOUND", "AGENT_NOT_FOUND", "TASK_FINISHED", ["name"], "SEQUENCE_OUT_OF_RANGE"],
    async find(place) {
      const { tasks, task } = await begin(place);
      await tasks.send(task.id, "done", { type: "finish", wait: EventWait.PROCESSED });
      return [
        await reasonOf(tasks.get("nobody")),
        await reasonOf(tasks.create({ agent: "nobody" })),
        await reasonOf(tasks.send(task.id, "too late")),
        await reasonOf(tasks.create({ agent: "scribe", name: "x".repeat(300) })),
        await reasonOf(read(tasks, task, 1_000_000n)),
      ];
    },
  },

  {
    name: "gives a call up when its signal is aborted",
    expected: true,
    async find(place) {
      const { tasks, task } = await begin(place);
      const stop = new AbortController();
      const reading = read(tasks, task, 0n, stop.signal).catch(
        (error: unknown) => error === stop.signal.reason,
      );
      stop.abort(new Error("enough"));
      return await reading;
    },
  },
];

function clientOf({ connect, baseUrl }: Place, fetch?: typeof globalThis.fetch): TasksClient {
  return createClient({ transport: connect(baseUrl, fetch), retry: { initialBackoff: 1 } }).tasks;
}

async function begin(place: Place): Promise<{ tasks: TasksClient; task: Task }> {
  const tasks = clientOf(place);
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
