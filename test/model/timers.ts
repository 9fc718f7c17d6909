import { EventState } from "../../src/proto.ts";
import type { FireTimers } from "../../src/server/store/calls.ts";
import type { Millis } from "../../src/server/store/records.ts";
import { requeue } from "./accept.ts";
import { questionExpired } from "./finish.ts";
import { closed, closeQuestion, type Model, type ModelTask, newEvent } from "./state.ts";
import { cancel, forget, interrupt } from "./stop.ts";

/** Something that will happen at its time. */
interface Timer {
  time: Millis;
  fire(): void;
}

/** Fires all timers that are due, the earliest first. */
export function fire(model: Model, { now }: FireTimers): object {
  for (const task of model.tasks) compact(task, now);
  for (;;) {
    const next = timers(model, now).sort((a, b) => a.time - b.time)[0];
    if (next === undefined || next.time > now) return {};
    next.fire();
  }
}

/** Compacts the deltas of messages that are done: at the latest when they have been kept for long enough after their turn. */
function compact({ messages, agent: { keepDeltas } }: ModelTask, now: Millis): void {
  for (const message of messages) {
    const { doneTime, turnTime } = message;
    if (doneTime === undefined || turnTime === undefined) continue;
    if (doneTime + keepDeltas <= now) message.mayBeGone = true;
    if (turnTime + keepDeltas <= now) message.gone = true;
  }
}

/** When the next timer is due. */
export function nextTime(model: Model): Millis | undefined {
  const times = timers(model, 0).map(({ time }) => time);
  return times.length === 0 ? undefined : Math.min(...times);
}

function timers(model: Model, now: Millis): Timer[] {
  return model.tasks.flatMap((task) => [
    ...(closed(task) ? [] : openTimers(model, task, now)),
    ...(task.purgeTime === undefined ? [] : [{ time: task.purgeTime, fire: () => forget(model, task.id) }]),
  ]);
}

function openTimers(model: Model, task: ModelTask, now: Millis): Timer[] {
  const timers: Timer[] = [];
  const { expireTime, question } = task;
  if (expireTime !== undefined) {
    const fire = () => {
      cancel(model, task, undefined, now);
      Object.assign(task, { timedOut: true });
    };
    timers.push({ time: expireTime, fire });
  }
  if (question?.expireTime !== undefined) {
    const fire = () => {
      closeQuestion(task);
      task.events.push({ ...newEvent(questionExpired, "queue", true, now) });
    };
    timers.push({ time: question.expireTime, fire });
  }
  for (const event of task.events) {
    if (event.state !== EventState.SCHEDULED || event.deliverTime === undefined) continue;
    const fire = () => {
      if (event.interrupts) interrupt(model, task);
      requeue(task, event, now);
    };
    timers.push({ time: event.deliverTime, fire });
  }
  return timers;
}
