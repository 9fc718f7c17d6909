import { isDeepStrictEqual } from "node:util";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { TaskError } from "../src/server/errors.ts";
import type {
  CancelledTask,
  CreatedTask,
  EventRecord,
  MessageRecord,
  StartTurnResult,
  TaskRecord,
} from "../src/server/store/records.ts";
import { openSqliteStore } from "../src/server/store/sqlite/sqlite-store.ts";
import type { Store } from "../src/server/store/store.ts";
import { createView, follow, type LogView } from "./log-view.ts";
import { apply, type Call, ended, type Model, type ModelEvent, waiting } from "./mailbox-model.ts";
import { createCaller, firstStep, type Step, steps } from "./mailbox-steps.ts";

let store: Store | undefined;
beforeAll(async () => {
  store = await openSqliteStore(":memory:");
});
afterAll(() => store?.close());

it("a mailbox does what the model does, whatever happens in whatever order", {
  timeout: 120_000,
}, async () => {
  let run = 0;
  const playRun = async (steps: Step[][]) => {
    if (store === undefined) throw new Error("the store is not open");
    await play(store, `run${++run}`, steps);
  };
  await fc.assert(fc.asyncProperty(steps, playRun), { numRuns: 300 });
});

/** Plays steps on a store and on the model, with tasks of their own, and compares them after each. */
async function play(store: Store, prefix: string, steps: Step[][]): Promise<void> {
  const { agent, owners, maxPending, now, callsFor } = createCaller(prefix);
  let model: Model = { maxPending, tasks: [], requests: [] };
  const views = new Map<string, LogView>();
  const answers = new Map<string, object>();
  await store.putAgents([{ name: agent, maxPending }]);
  for (const step of [firstStep, ...steps]) await playStep(callsFor(model, step));
  for (const [taskId, view] of views) expect(await readOn(taskId, createView())).toEqual(view);

  async function playStep(calls: Call[]): Promise<void> {
    const outcomes = await Promise.all(calls.map((call) => outcomeOf(store, call)));
    const seen = { outcomes: outcomes.map(({ essence }) => essence), ...(await observe()) };
    // Calls that are made at once happen in some order, as if alone.
    const order = [...calls.keys()];
    const possible = (calls.length > 1 ? [order, order.toReversed()] : [order]).map((order) => {
      const next = structuredClone(model);
      const outcomes: object[] = [];
      for (const index of order) outcomes[index] = outcomeOnModel(next, calls[index]);
      return { next, wanted: { outcomes, ...predict(next) } };
    });
    const match = possible.find(({ wanted }) => isDeepStrictEqual(wanted, seen)) ?? possible[0];
    expect(seen).toStrictEqual(match?.wanted);
    model = match?.next ?? model;
    for (const [index, call] of calls.entries()) checkRepetition(call, outcomes[index]?.answer);
  }

  /** A repeated request is answered with all that its first was (G8). */
  function checkRepetition({ args }: Call, answer: object | undefined): void {
    if (answer === undefined || !("duplicate" in answer) || !("request" in args)) return;
    const key = `${"labels" in args ? "" : args.taskId}/${args.request?.id}`;
    const first = answers.get(key);
    if (!answer.duplicate) answers.set(key, answer);
    else if (first !== undefined) {
      expect(answer).toEqual({ ...first, duplicate: true, ...("cancelled" in answer && { cancelled: [] }) });
    }
  }

  /** What a client can see, after it has checked that the logs alone tell the same. */
  async function observe() {
    const [tasks, counts, ...due] = await Promise.all([
      store.listTasks({ agent, states: [], labels: {}, limit: 1000, maxBytes: 1e6 }),
      store.countAgent(agent),
      ...owners.map((owner) => store.dueTasks({ owner, agents: [agent], now: now(), limit: 1000 })),
    ]);
    return {
      tasks: byId(await Promise.all(tasks.items.map(observeTask))),
      counts,
      due: due.map(({ taskIds, nextDueTime }) => ({ taskIds: taskIds.sort(), nextDueTime })),
    };
  }

  async function observeTask(task: TaskRecord) {
    const view = views.get(task.id) ?? createView();
    views.set(task.id, view);
    const page = { taskId: task.id, afterSequence: 0, limit: 1000, maxBytes: 1e9 };
    const [events, messages, { values, revision }] = await Promise.all([
      store.listEvents({ ...page, states: [] }),
      store.listMessages(page),
      store.getState(task.id),
      readOn(task.id, view),
    ]);
    const listed = { task, events: events.items, messages: messages.items, sequence: task.sequence };
    expect(view).toEqual(listed);
    return {
      id: task.id,
      name: task.name,
      state: task.state,
      reason: task.statusReason,
      error: task.error?.reason,
      pending: task.pendingEvents,
      processing: task.processingEventId,
      ended: task.endTime !== undefined,
      events: events.items.map(briefEvent),
      messages: messages.items.map(briefMessage),
      values,
      revision,
    };
  }

  /** What `observe` must see if the store is as the model. */
  function predict({ tasks }: Model): Awaited<ReturnType<typeof observe>> {
    const unfinished = tasks.filter((task) => !ended(task));
    const isDue = (due: number | undefined) => due !== undefined && due <= now();
    const later = tasks.flatMap(({ due }) => (due === undefined || isDue(due) ? [] : [due]));
    return {
      tasks: byId(
        tasks.map((task) => ({
          id: task.id,
          name: task.name,
          state: task.state,
          reason: task.statusReason,
          error: task.error?.reason,
          pending: waiting(task).length,
          processing: task.running?.event?.id,
          ended: ended(task),
          events: task.events.map(briefEvent),
          messages: task.messages.map(({ turn: _, ...message }) => message),
          values: task.values,
          revision: task.revision,
        })),
      ),
      counts: { unfinishedTasks: unfinished.length, pendingEvents: unfinished.flatMap(waiting).length },
      due: owners.map((owner) => {
        const due = tasks.filter((task) => isDue(task.due) && task.running?.owner !== owner);
        const nextDueTime = later.length > 0 ? Math.min(...later) : undefined;
        return { taskIds: due.map(({ id }) => id).sort(), nextDueTime };
      }),
    };
  }

  /** Reads a log on from where a view is, a few entries at a time. */
  async function readOn(taskId: string, view: LogView): Promise<LogView> {
    for (;;) {
      const page = { taskId, afterSequence: view.sequence, maxEntries: 7, maxBytes: 1e9 };
      const { entries, lastSequence } = await store.readLog(page);
      for (const entry of entries) follow(view, entry);
      if (view.sequence === lastSequence) return view;
    }
  }
}

async function outcomeOf(store: Store, call: Call): Promise<{ essence: object; answer?: object }> {
  // The method and its arguments go together, which the type of a union cannot say.
  const method = store[call.method] as (args: Call["args"]) => Promise<object | undefined>;
  try {
    const answer = (await method(call.args)) ?? {};
    return { essence: essenceOf(answer), answer };
  } catch (error) {
    return { essence: refusal(error) };
  }
}

function outcomeOnModel(model: Model, call: Call | undefined): object {
  if (call === undefined) return {};
  try {
    return apply(model, call);
  } catch (error) {
    return refusal(error);
  }
}

function refusal(error: unknown): object {
  if (error instanceof TaskError) return { refused: error.reason };
  throw error;
}

/** Leaves of an answer what the model says too. */
function essenceOf(answer: Partial<CreatedTask & CancelledTask & StartTurnResult>): object {
  const { task, event, created, cancelled, duplicate, turn, dueTime } = answer;
  if (turn !== undefined) {
    const { handler, attempt, failures, state } = turn;
    return { turn: turn.turn, handler, event: turn.event?.id, attempt, failures, values: state.values };
  }
  if (created !== undefined) return { task: task?.id, created, event: event?.id, duplicate };
  if (cancelled !== undefined) return { task: task?.id, cancelled: cancelled.toSorted(), duplicate };
  if (duplicate !== undefined) return { event: event?.id, duplicate };
  return dueTime === undefined ? {} : { dueTime };
}

function briefEvent({ id, state, attempt, lastError }: EventRecord | ModelEvent) {
  return { id, state, attempt, error: lastError?.reason };
}

function briefMessage({ id, eventId, attempt, state, content, deltas = [] }: MessageRecord) {
  const text = new TextDecoder().decode(content) + deltas.map((delta) => delta.text).join("");
  return { id, eventId, attempt, state, text };
}

function byId<T extends { id: string }>(items: T[]): T[] {
  return items.sort((a, b) => (a.id < b.id ? -1 : 1));
}
