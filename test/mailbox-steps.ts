import * as fc from "fast-check";
import { MessageAuthor, MessageState } from "../src/proto.ts";
import type { Failure, Millis, Outcome, OutputEntry } from "../src/server/store/records.ts";
import { type Call, ended, type Model, type ModelTask } from "./mailbox-model.ts";
import { bytes } from "./store-contract/scene.ts";

const often = <T>(usual: T, other: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 9, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: other });

/** What is done: mostly what brings a task on, sometimes what ends it. */
const what = fc.constantFrom(
  ...["send", "send", "send", "start", "start", "show", "show", "commit", "commit", "commit"],
  ...["fail", "wait", "create", "cancel"],
);

/** Something that may happen. What its numbers choose depends on how things stand by then. */
const step = fc.record({
  /** Cancels are rarer still: this one is thrown twice. */
  what: fc.tuple(what, fc.nat(3)).map(([what, again]) => (what === "cancel" && again > 0 ? "send" : what)),
  /** 0 is the newest task that is not finished, other numbers count among all. */
  task: often(0, fc.integer({ min: 1, max: 3 })),
  /** How far from the task's last turn; 0 starts one if none runs. */
  turn: often(0, fc.constantFrom(-1, 1)),
  owner: often("a", fc.constant("b")),
  /** Ids are few, so that requests are repeated, with the same content and with another. */
  request: fc.option(fc.record({ id: fc.nat(3), content: often(0, fc.constant(1)) }), {
    nil: undefined,
    freq: 2,
  }),
  /** Which variant of it. */
  choice: fc.nat(15),
});
export type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** What happens to a store: mostly one thing after the other, sometimes two at once. */
export const steps = fc.array(
  fc.oneof({ weight: 6, arbitrary: fc.tuple(step) }, { weight: 1, arbitrary: fc.tuple(step, step) }),
  { minLength: 1, maxLength: 60, size: "max" },
);

export const firstStep: Step[] = [
  { what: "create", task: 0, turn: 0, owner: "a", request: undefined, choice: 0 },
];

/** Turns steps into calls, with times and ids of its own. */
export interface Caller {
  agent: string;
  maxPending: number;
  owners: string[];
  now(): Millis;
  /** Makes the calls of a step, to be made at once. None if it only lets time pass. */
  callsFor(model: Model, steps: Step[]): Call[];
}

export function createCaller(prefix: string): Caller {
  const agent = `${prefix}-agent`;
  let now = 1_700_000_000_000;
  let ids = 0;
  const newId = (kind: string) => `${prefix}-${kind}${++ids}`;

  return {
    agent,
    maxPending: 4,
    owners: ["a", "b"],
    now: () => now,
    callsFor(model, steps) {
      for (const { what, choice } of steps) if (what === "wait") now += choice * 5;
      return steps
        .filter(({ what }) => what !== "wait")
        .map((step) => callFor(model, step, steps.length > 1));
    },
  };

  function callFor(model: Model, step: Step, atOnce: boolean): Call {
    const { choice } = step;
    const task = choose(model, step.task);
    const taskId = task?.id ?? "";
    const turn = { taskId, turn: (task?.turns ?? 0) + step.turn, now };
    const idle = step.turn === 0 && task?.running === undefined;
    const what = idle && ["show", "commit", "fail"].includes(step.what) ? "start" : step.what;
    // A turn goes on with messages of its own alone.
    const shown = step.turn === 0 ? task : undefined;
    const source = { owner: step.owner, agents: [agent], maxLosses: 2 };
    const fingerprint = `${what} ${step.request?.content}`;
    const request = step.request && { request: { id: `${prefix}-r${step.request.id}`, fingerprint } };
    const event = () => ({ id: newId("e"), content: bytes(step.request ? fingerprint : `event ${ids}`) });
    switch (what) {
      case "create": {
        const variant = step.request?.content ?? choice % 8;
        const args = {
          ...(variant % 3 === 1 && { name: `${prefix}-name` }),
          ...(variant % 2 === 1 && { event: event() }),
          ...(variant > 3 && task && { parentTaskId: taskId }),
        };
        const made = { taskId: newId("t"), agent, labels: {}, now };
        return { method: "createTask", args: { ...made, ...args, ...request } };
      }
      case "cancel":
        return { method: "cancelTask", args: { taskId, reason: "enough", now, ...request } };
      case "start":
        return { method: "startTurn", args: { taskId, ...source, now } };
      case "show":
        return { method: "appendOutput", args: { ...turn, output: outputFor(shown, atOnce ? 0 : choice) } };
      case "commit": {
        const output = [...endsOf(shown), ...(choice % 2 === 1 ? outputFor(shown, 0) : [])];
        const value = choice % 4 === 0 ? null : String(ids);
        const changes = choice % 3 === 0 ? {} : { [`k${choice % 2}`]: value };
        const next = choice % 2 === 0 ? { next: source } : {};
        return {
          method: "commitTurn",
          args: { ...turn, output, changes, outcome: outcomeFor(choice), ...next },
        };
      }
      case "fail": {
        const retry = choice === 0 ? {} : { retryTime: now + (choice % 3) * 20 };
        return { method: "failTurn", args: { ...turn, error: boom, counts: choice < 12, ...retry } };
      }
      default:
        return { method: "sendEvent", args: { taskId, event: event(), now, ...request } };
    }
  }

  function choose({ tasks }: Model, choice: number): ModelTask | undefined {
    const newest = tasks.findLast((task) => !ended(task)) ?? tasks.at(-1);
    return choice === 0 ? newest : tasks.at(-(choice % (tasks.length + 1)));
  }

  /** Shows something more: a message that is whole, or one that is streaming, its deltas or its end. */
  function outputFor(task: ModelTask | undefined, choice: number): OutputEntry[] {
    const message = { kind: "message" as const, author: MessageAuthor.AGENT };
    const streaming = task?.messages.find(({ state }) => state === MessageState.STREAMING);
    if (choice < 4) return [{ ...message, id: newId("m"), content: bytes(`whole ${ids}`), done: true }];
    if (streaming === undefined || choice < 6) {
      const id = newId("m");
      return [{ ...message, id, done: false }, deltaOf(id)];
    }
    return choice < 12 ? [deltaOf(streaming.id), deltaOf(streaming.id)] : endsOf(task);
  }

  /** Ends the messages that are streaming. */
  function endsOf(task: ModelTask | undefined): OutputEntry[] {
    const streaming = (task?.messages ?? []).filter(({ state }) => state === MessageState.STREAMING);
    return streaming.map(({ id, text }) => ({ kind: "end", id, content: bytes(text) }));
  }

  function deltaOf(messageId: string): OutputEntry {
    return { kind: "delta", delta: { messageId, partIndex: 0, text: `+${newId("")}` } };
  }
}

const boom: Failure = { reason: "HANDLER_FAILED", message: "boom" };

function outcomeFor(choice: number): Outcome {
  if (choice === 14) return { kind: "complete" };
  return choice === 15 ? { kind: "fail", error: boom } : { kind: "continue" };
}
