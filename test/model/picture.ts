import { EventState } from "../../src/proto.ts";
import type { EventRecord, MessageRecord, Millis, TaskRecord } from "../../src/server/store/records.ts";
import type { Store } from "../../src/server/store/store.ts";
import type { Caller } from "./caller.ts";
import { nameOf } from "./outcome.ts";
import { dueTime } from "./start.ts";
import { ended, inState, type Model, type ModelEvent, type ModelTask, waiting } from "./state.ts";

/** What can be seen of one task. */
export interface Seen {
  task: TaskRecord;
  events: EventRecord[];
  messages: MessageRecord[];
  waits: EventRecord[];
  values: Record<string, string>;
  revision: number;
}

export async function lookAtTask(store: Store, { id: taskId }: TaskRecord): Promise<Seen> {
  const page = { taskId, afterSequence: 0, limit: 1000, maxBytes: 1e9 };
  const [task, events, messages, { values, revision }, waits] = await Promise.all([
    store.getTask({ id: taskId }),
    store.listEvents({ ...page, states: [] }),
    store.listMessages(page),
    store.getState(taskId),
    store.peekEvents({ taskId, limit: 1000, maxBytes: 1e9 }),
  ]);
  if (task === undefined) throw new Error(`task ${taskId} is listed and not found`);
  return { task, events: events.items, messages: messages.items, waits, values, revision };
}

/** What can be seen of agents and what is due. */
export async function lookAtAgents(store: Store, { agents, now, behind }: Caller) {
  const names = agents.map(({ name }) => name);
  const [due, ...counts] = await Promise.all([
    store.dueTasks({ agents: names, now: now(), limit: 1000 }),
    ...names.map((agent) => store.countAgent({ agent, maxScanned: 1e6 })),
  ]);
  // What became due at a time is found from then on, whatever the clock says in between.
  if (behind()) return { counts };
  return { counts, due: { taskIds: due.taskIds.toSorted(), nextDueTime: due.nextDueTime } };
}

/** What `lookAtAgents` must see if the store is as the model. */
export function agentsOf(
  model: Model,
  { agents, now, behind }: Caller,
): Awaited<ReturnType<typeof lookAtAgents>> {
  const times = model.tasks.map((task) => ({ id: task.id, time: dueTime(task, now()) }));
  const later = times.flatMap(({ time }) => (time !== undefined && time > now() ? [time] : []));
  const counts = agents.map(({ name }) => {
    const unfinished = model.tasks.filter((task) => task.agent.name === name && !ended(task));
    const pending = unfinished.flatMap((task) => inState(task, EventState.QUEUED));
    return { unfinishedTasks: unfinished.length, pendingEvents: pending.length };
  });
  if (behind()) return { counts };
  const due = times.filter(({ time }) => time !== undefined && time <= now());
  const nextDueTime: Millis | undefined = later.length > 0 ? Math.min(...later) : undefined;
  return { counts, due: { taskIds: due.map(({ id }) => id).sort(), nextDueTime } };
}

/** The essence of what can be seen of a task. */
export function briefOf({ task, events, messages, waits, ...seen }: Seen, prefix: string) {
  const names = new Map(events.map((event) => [event.id, nameOf(event, prefix)]));
  const name = (id: string | undefined) => (id === undefined ? undefined : (names.get(id) ?? id));
  return {
    ...{ id: task.id, name: task.name, state: task.state, parent: task.parentTaskId },
    // Other reasons are words of the store's own.
    reason: ["enough", "done"].find((reason) => reason === task.statusReason),
    ...{ error: task.error?.reason, question: task.question, cancellation: task.cancellation },
    ...{ expireTime: task.expireTime, purgeTime: task.purgeTime, ended: task.endTime !== undefined },
    ...{ pending: task.pendingEvents, scheduled: task.scheduledEvents, dead: task.deadLetteredEvents },
    processing: name(task.processingEventId),
    waits: waits.map(({ id }) => name(id)),
    events: events.map(({ id, state, attempt, lastError, deliverTime }) =>
      briefEvent({ id: name(id) ?? id, state, attempt, error: lastError?.reason, deliverTime }),
    ),
    messages: messages.map(({ id, eventId, attempt, state, content, deltas = [] }) => {
      const text = new TextDecoder().decode(content) + deltas.map((delta) => delta.text).join("");
      return { id, eventId: name(eventId), attempt, state, text };
    }),
    ...seen,
  };
}

/** What `briefOf` must say if the store is as the model. */
export function briefOfModel(task: ModelTask): ReturnType<typeof briefOf> {
  const inTask = (state: EventState) => inState(task, state).length;
  const { id, name, state, parent, reason, error, question, cancellation, expireTime, purgeTime } = task;
  return {
    ...{ id, name, state, parent, reason, error, question, cancellation },
    ...{ expireTime, purgeTime, ended: ended(task) },
    ...{ pending: inTask(EventState.QUEUED), scheduled: inTask(EventState.SCHEDULED) },
    dead: inTask(EventState.DEAD_LETTERED),
    processing: inState(task, EventState.PROCESSING)[0]?.id,
    waits: waiting(task).map(({ id }) => id),
    events: task.events.map(briefEvent),
    messages: task.messages.map(({ id, eventId, attempt, state, text }) => ({
      ...{ id, eventId, attempt, state, text },
    })),
    ...{ values: task.values, revision: task.revision },
  };
}

function briefEvent({
  id,
  state,
  attempt,
  error,
  deliverTime,
}: Pick<ModelEvent, "id" | "state" | "attempt" | "error" | "deliverTime">) {
  // What is dropped says why: the words are the store's own, except that it was interrupted.
  const told = state !== EventState.DROPPED || error === "TASK_INTERRUPTED";
  return { id, state, attempt, error: told ? error : undefined, deliverTime };
}
