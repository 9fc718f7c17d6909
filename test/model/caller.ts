import { EventState } from "../../src/proto.ts";
import type { NewEvent, TurnSource } from "../../src/server/store/calls.ts";
import type { AgentRecord, Millis } from "../../src/server/store/records.ts";
import type { Call, Sequences } from "../mailbox-model.ts";
import type { Step, What } from "../mailbox-steps.ts";
import { bytes } from "../store-contract/scene.ts";
import { dueTime } from "./start.ts";
import { ended, inState, type Model, type ModelTask } from "./state.ts";
import { callOfTurn } from "./turn-calls.ts";

/** Turns steps into calls, with times and ids of its own. */
export interface Caller {
  agents: AgentRecord[];
  prefix: string;
  /** The engine that lives. */
  owner(): string;
  /** Who may run turns: that engine, for all agents. */
  source(): TurnSource;
  now(): Millis;
  /** Whether the clock has been further than it is. */
  behind(): boolean;
  /** Whether it ever went back. */
  wentBack(): boolean;
  newId(kind: string): string;
  /** Makes a moment that no other timer has, so many ms from now. */
  moment(delay: Millis): Millis;
  /** Makes the calls of a step, to be made at once. None if it only lets time pass. */
  callsFor(model: Model, steps: readonly Step[], sequences: Sequences): Call[];
  /** Makes the call that creates a task, or a child of one. */
  create(parent: ModelTask | undefined, agent: number, step?: Step): Call & { method: "createTask" };
  newEvent(task: ModelTask | undefined, step: Step): NewEvent;
}

/** The tasks that a step has an effect on: those with a turn that runs or is due, unless it says other. */
const suits: Partial<Record<What, (task: ModelTask) => boolean>> = {
  ...{ create: () => true, send: () => true, unsend: () => true, interrupt: runs, cancel: () => true },
  redrive: (task) => !ended(task) && inState(task, EventState.DEAD_LETTERED).length > 0,
  delete: ended,
};

function runs(task: ModelTask): boolean {
  return task.works.some(({ turn }) => turn !== undefined);
}

/** When every run begins. */
const beginning: Millis = 1_700_000_000_000;

export function createCaller(prefix: string): Caller {
  let now = beginning;
  let latest = beginning;
  let back = false;
  let ids = 0;
  let owners = 1;
  const moments = new Set<Millis>();
  const agents: AgentRecord[] = [
    { name: `${prefix}-plain`, maxPending: 4, parallel: 1, keepDeltas: 60 },
    {
      ...{ name: `${prefix}-batch`, maxPending: 5, parallel: 1, keepDeltas: 0 },
      ...{ batch: { max: 3, wait: 40 }, retention: 500, startsActive: true },
    },
    { name: `${prefix}-parallel`, maxPending: 5, parallel: 3, keepDeltas: 400, retention: 150 },
  ];

  const caller: Caller = {
    agents,
    prefix,
    owner: () => `${prefix}-owner${owners}`,
    source,
    now: () => now,
    behind: () => now < latest,
    wentBack: () => back,
    newId: (kind) => `${prefix}-${kind}${++ids}`,
    moment(delay) {
      let time = now + delay;
      while (moments.has(time)) time += 1;
      moments.add(time);
      return time;
    },
    callsFor(model, steps, sequences) {
      for (const { what, choice } of steps) {
        if (what === "wait") now += choice * 5;
        if (what === "back") now -= choice * 4;
        if (what === "kill") owners += 1;
        back ||= now < latest;
        latest = Math.max(latest, now);
      }
      return steps.flatMap((step) => callFor(model, step, steps.length > 1 ? undefined : sequences) ?? []);
    },
    create(parent, number, step) {
      const variant = step?.request?.content ?? (step?.choice ?? 0) % 8;
      const agent = agents[number % agents.length]?.name ?? "";
      const args = {
        ...(variant % 3 === 1 && { name: `${prefix}-name` }),
        ...(variant % 2 === 1 && step && { event: caller.newEvent(undefined, step) }),
        ...(parent && (variant > 3 || step === undefined) && { parentTaskId: parent.id }),
        ...(variant % 4 === 2 &&
          step && { expireTime: step.other === 7 ? now - 1 : caller.moment(step.other * 8) }),
        ...(step && { ...requestOf(step), ...nextOf(step) }),
      };
      return { method: "createTask", args: { taskId: caller.newId("t"), agent, labels: {}, now, ...args } };
    },
    newEvent(task, { choice, other, request }) {
      const policy = (["queue", "steer", "interrupt", "reject"] as const)[choice % 8];
      const asked = task?.question?.id ?? `${prefix}-nothing`;
      const answers = task?.question === undefined ? other === 31 : other % 2 === 0;
      const later = policy !== "reject" && other % 5 === 1;
      const id = caller.newId("e");
      return {
        id,
        content: bytes(request ? `content ${request.content}` : `content of ${id}`),
        ...(policy && { onBusy: policy }),
        ...(answers && { answers: asked }),
        ...(later && { deliverTime: caller.moment(choice * 6) }),
        ...(other % 7 === 3 && { hops: choice % 4 }),
      };
    },
  };
  return caller;

  function source(): TurnSource {
    return { owner: caller.owner(), agents: agents.map(({ name }) => name) };
  }

  /** Without `sequences`, other calls are made at once. */
  function callFor(model: Model, step: Step, sequences: Sequences | undefined): Call | undefined {
    const { what, choice, other } = step;
    const task = choose(model, step);
    const taskId = task?.id ?? "";
    const limit = sequences === undefined ? 1000 : 1 + (choice % 3);
    switch (what) {
      case "wait":
      case "back":
        return undefined;
      case "fire":
        return { method: "fireTimers", args: { now, limit } };
      case "kill":
        return {
          method: "recoverTurns",
          args: { owner: caller.owner(), maxLosses: 2, limit, now },
        };
      case "create":
        return caller.create(task, other, step);
      case "send": {
        const end = choice % 8 === 5 ? sequences?.get(taskId) : undefined;
        const expected = end === undefined ? {} : { expectedSequence: end - (other % 2) };
        return {
          method: "sendEvent",
          args: {
            taskId,
            event: caller.newEvent(task, step),
            now,
            ...expected,
            ...requestOf(step),
            ...nextOf(step),
          },
        };
      }
      case "redrive": {
        const one = choice % 2 === 0 ? eventOf(task, other) : undefined;
        return { method: "redriveEvents", args: { taskId, now, ...(one && { eventId: one }) } };
      }
      case "unsend":
        return { method: "cancelEvent", args: { taskId, eventId: eventOf(task, other) ?? "nothing", now } };
      case "interrupt":
        return { method: "interruptTask", args: { taskId, reason: "stop", now, ...requestOf(step) } };
      case "cancel":
        return { method: "cancelTask", args: { taskId, reason: "enough", now, ...requestOf(step) } };
      case "delete":
        return { method: "deleteTask", args: { taskId, now } };
      default:
        // Where no turn can be had, something is done that makes one due.
        if (what !== "start" && step.turn === 0 && !(task !== undefined && (runs(task) || isDue(task)))) {
          const idle = task === undefined || ended(task) ? "create" : "send";
          return callFor(model, { ...step, what: idle, request: undefined }, sequences);
        }
        return callOfTurn(caller, model, task, step, sequences === undefined);
    }
  }

  function isDue(task: ModelTask): boolean {
    return (dueTime(task, now) ?? Number.POSITIVE_INFINITY) <= now;
  }

  /** Who may run the turn that a step makes due, if it is to be started with it. */
  function nextOf({ other }: Step): { next?: TurnSource } {
    return other % 2 === 0 ? {} : { next: source() };
  }

  function requestOf({ what, request }: Step) {
    if (request === undefined) return {};
    const fingerprint = `${what} ${request.content}`;
    return { request: { id: `${prefix}-r${request.id}`, fingerprint } };
  }

  /** Chooses a task, as a rule one on which the step has an effect. */
  function choose({ tasks }: Model, { what, task: choice, turn }: Step): ModelTask | undefined {
    const unfinished = tasks.filter((task) => !ended(task));
    const anyOf = choice < 2 && unfinished.length > 0 ? unfinished : tasks;
    const chosen = anyOf.at(-(choice % (anyOf.length + 1)));
    const fits = suits[what] ?? ((task) => (what !== "start" && runs(task)) || isDue(task));
    if (turn !== 0 || chosen === undefined || fits(chosen)) return chosen;
    return tasks.find(fits) ?? chosen;
  }

  /** Picks an event that a caller can name. */
  function eventOf(task: ModelTask | undefined, choice: number): string | undefined {
    const named = (task?.events ?? []).filter(({ id }) => id.startsWith(prefix));
    return named[choice % named.length]?.id;
  }
}
