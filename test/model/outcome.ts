import { fromBinary } from "@bufbuild/protobuf";
import { expect } from "vitest";
import { EventInputSchema } from "../../src/proto.ts";
import { TaskError } from "../../src/server/errors.ts";
import type { StartTurnResult } from "../../src/server/store/calls.ts";
import type { EventRecord } from "../../src/server/store/records.ts";
import type { Store } from "../../src/server/store/store.ts";
import { apply, type Call, type Sequences } from "../mailbox-model.ts";
import type { Model } from "./state.ts";

/** What comes of a call: the essence of its answer, which the model tells too, and the answer. */
export interface Outcome {
  essence: object;
  answer?: object;
}

/** Makes a call on a store. */
export async function outcomeOf(store: Store, call: Call, prefix: string): Promise<Outcome> {
  try {
    return await perform(store, call, prefix);
  } catch (error) {
    return { essence: refusal(error) };
  }
}

/** Makes a call on a copy of a model. */
export function outcomeOnModel(
  model: Model,
  call: Call,
  sequences: Sequences,
): { model: Model; essence: object } {
  const next = structuredClone(model);
  try {
    return { essence: apply(next, call, sequences), model: next };
  } catch (error) {
    return { essence: refusal(error), model };
  }
}

/** Names an event: those that the store makes are known by their type. */
export function nameOf({ id, content }: EventRecord, prefix: string): string {
  const given = id.startsWith(prefix) && /^e[0-9]+$/.test(id.slice(prefix.length + 1));
  if (given || content === undefined) return id;
  return fromBinary(EventInputSchema, content).type;
}

function refusal(error: unknown): object {
  if (error instanceof TaskError) return { refused: error.reason };
  throw error;
}

async function perform(store: Store, { method, args }: Call, prefix: string): Promise<Outcome> {
  switch (method) {
    case "createTask": {
      const { turn, dueTime, ...answer } = await store.createTask(args);
      const { task, event, created, duplicate } = answer;
      const essence = { task: task.id, created, event: event?.id, duplicate };
      return { answer, essence: { ...essence, ...atOnce({ turn, dueTime }, prefix) } };
    }
    case "sendEvent": {
      const { turn, dueTime, ...answer } = await store.sendEvent(args);
      const { event, duplicate } = answer;
      const essence = { task: event.taskId, event: event.id, state: event.state, duplicate };
      return { answer, essence: { ...essence, ...atOnce({ turn, dueTime }, prefix) } };
    }
    case "cancelEvent": {
      const { id, state } = await store.cancelEvent(args);
      return { essence: { event: id, state } };
    }
    case "redriveEvents": {
      const { task, redriven } = await store.redriveEvents(args);
      return { essence: { task: task.id, state: task.state, redriven } };
    }
    case "interruptTask": {
      const answer = await store.interruptTask(args);
      const { task, interrupted, duplicate } = answer;
      return { answer, essence: { task: task.id, interrupted, duplicate } };
    }
    case "cancelTask": {
      const answer = await store.cancelTask(args);
      const { id, state, cancellation } = answer.task;
      return { answer, essence: { task: id, state, cancellation, duplicate: answer.duplicate } };
    }
    case "startTurn":
      return { essence: started(await store.startTurn(args), prefix) };
    case "commitTurn":
      return { essence: started(await store.commitTurn(args), prefix) };
    case "takeEvents": {
      const events = await store.takeEvents(args);
      return { essence: { taken: events.map((event) => nameOf(event, prefix)) } };
    }
    case "recoverTurns": {
      let recovered = 0;
      for (;;) {
        const count = await store.recoverTurns(args);
        recovered += count;
        if (count < args.limit) return { essence: { recovered } };
      }
    }
    case "fireTimers":
      for (;;) {
        const { fired, nextTime } = await store.fireTimers(args);
        expect(fired).toBeLessThanOrEqual(args.limit);
        if (nextTime === undefined || nextTime > args.now) return { answer: { nextTime }, essence: {} };
      }
    case "deleteTask":
      await store.deleteTask(args);
      return { essence: {} };
    case "appendOutput":
      await store.appendOutput(args);
      return { essence: {} };
    case "failTurn":
      await store.failTurn(args);
      return { essence: {} };
  }
}

type Started = { [Key in keyof StartTurnResult]: StartTurnResult[Key] | undefined };

/** What was started with what was accepted. */
function atOnce(answer: Started, prefix: string): object {
  const essence = started(answer, prefix);
  return Object.keys(essence).length === 0 ? {} : { started: essence };
}

function started({ turn, dueTime }: Started, prefix: string): object {
  if (turn === undefined) return dueTime === undefined ? {} : { dueTime };
  const { handler, events, hops, attempt, failures, state } = turn;
  const names = events.map((event) => nameOf(event, prefix));
  return { turn: turn.turn, handler, events: names, hops, attempt, failures, values: state.values };
}
