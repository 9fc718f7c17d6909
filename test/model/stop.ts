import { CancelOutcome, EventState, Handler, TaskState } from "../../src/proto.ts";
import type { Millis } from "../../src/server/store/records.ts";
import { closed, find, inState, type Model, type ModelEvent, type ModelTask, type Work } from "./state.ts";

/** Makes what a turn showed void, and ends the turn. */
export function supersede(task: ModelTask, work: Work): void {
  const turn = work.turn?.number;
  task.messages = task.messages.filter((message) => message.turn !== turn);
  work.turn = undefined;
}

/** Ends works in hand without effect: their events, with those that their turns had taken, are dropped. */
export function dropWorks(
  model: Model,
  task: ModelTask,
  works: Work[],
  error: "TASK_INTERRUPTED" | "ended" | "cancelled",
): ModelEvent[] {
  const events = works.flatMap((work) => [...work.events, ...(work.turn?.taken ?? [])]);
  for (const { turn } of works) {
    if (turn !== undefined)
      model.stopped.push({ taskId: task.id, turn: turn.number, outside: error !== "ended" });
  }
  for (const work of works) supersede(task, work);
  for (const event of events) Object.assign(event, { state: EventState.DROPPED, error });
  task.works = task.works.filter((work) => !works.includes(work));
  return events;
}

/** Drops all that waits or is scheduled. */
export function dropWaiting(task: ModelTask): ModelEvent[] {
  const events = inState(task, EventState.QUEUED, EventState.SCHEDULED);
  for (const event of events) event.state = EventState.DROPPED;
  return events;
}

/** Interrupts a task. Returns how many events were dropped. */
export function interrupt(model: Model, task: ModelTask): number {
  const works = task.works.filter(({ handler }) => handler !== Handler.TASK_CREATE);
  return dropWorks(model, task, works, "TASK_INTERRUPTED").length;
}

/** Cancels a task and all its unfinished descendants. */
export function cancel(model: Model, task: ModelTask, reason: string | undefined, now: Millis): void {
  if (!closed(task)) {
    const droppedEvents = dropWorks(model, task, task.works, "cancelled").length + dropWaiting(task).length;
    const cancellation = { requestTime: now, outcome: CancelOutcome.REQUESTED, droppedEvents };
    const work = { works: [], question: undefined, hold: undefined };
    Object.assign(task, { state: TaskState.CANCELLING, reason, cancellation, ...work });
  }
  for (const child of model.tasks.filter(({ parent }) => parent === task.id)) {
    cancel(model, child, undefined, now);
  }
}

/** Forgets a task that is finished, with the requests that were answered for it. */
export function forget(model: Model, id: string): void {
  const task = find(model, id);
  model.tasks = model.tasks.filter((other) => other !== task);
  model.requests = model.requests.filter(({ taskId }) => taskId !== id);
}
