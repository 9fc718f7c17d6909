import { EventState, MessageAuthor, MessageState } from "../../src/proto.ts";
import type { FollowUp, Outcome, OutputEntry } from "../../src/server/store/calls.ts";
import type { Failure } from "../../src/server/store/records.ts";
import type { Call } from "../mailbox-model.ts";
import type { Step } from "../mailbox-steps.ts";
import { bytes } from "../store-contract/scene.ts";
import type { Caller } from "./caller.ts";
import type { Model, ModelTask } from "./state.ts";

const boom: Failure = { reason: "HANDLER_FAILED", message: "boom" };

/** Makes the call of a step of a turn: one that runs, or else the start of one. */
export function callOfTurn(
  caller: Caller,
  model: Model,
  task: ModelTask | undefined,
  step: Step,
  atOnce: boolean,
): Call {
  const { what, choice, other } = step;
  const now = caller.now();
  const taskId = task?.id ?? "";
  const running = (task?.works ?? []).flatMap(({ turn }) => turn?.number ?? []);
  const picked = running[step.pick % running.length];
  const source = caller.source();
  if (what === "start" || (picked === undefined && step.turn === 0)) {
    return { method: "startTurn", args: { taskId, ...source, forced: other % 4 === 0, now } };
  }

  const number = (picked ?? 0) + step.turn;
  const turn = { taskId, turn: number, now };
  const streaming = (task?.messages ?? []).filter(
    (message) => message.turn === number && message.state === MessageState.STREAMING,
  );
  const work = task?.works.find(({ turn }) => turn?.number === number);
  const hasEvents = work !== undefined && work.events.length > 0;
  // What is for no event neither takes others nor defers them: onTaskCreate comes before all (G2).
  switch (what === "take" && work !== undefined && !hasEvents ? "show" : what) {
    case "show":
      return { method: "appendOutput", args: { ...turn, output: more(atOnce ? 0 : choice) } };
    case "take": {
      const bounds = { steering: other % 3 === 0, limit: 1 + (choice % 3), maxBytes: 1e6 };
      return { method: "takeEvents", args: { ...turn, ...bounds } };
    }
    case "fail": {
      const retry = choice % 3 === 0 ? {} : { retryTime: now + (choice % 4) * 15 };
      const exhausted = (["dead-letter", "pause", "fail"] as const)[other % 8];
      const policy = exhausted === undefined ? {} : { exhausted };
      return {
        method: "failTurn",
        args: { ...turn, error: boom, counts: other % 5 > 0, ...retry, ...policy },
      };
    }
    default: {
      const ends = streaming.map(({ id, text }) => ({ kind: "end" as const, id, content: bytes(text) }));
      const changes =
        choice % 4 === 3 ? {} : { [`k${choice % 2}`]: choice % 5 === 0 ? null : String(choice) };
      const reads = other % 6 === 0 ? ("all" as const) : other % 3 === 0 ? [`k${other % 2}`] : [];
      return {
        method: "commitTurn",
        args: {
          ...{ ...turn, output: [...ends, ...(choice % 2 === 1 ? more(0) : [])], changes, reads },
          ...{ followUps: followUps(), outcome: outcome() },
          ...(choice % 2 === 0 && { next: source }),
        },
      };
    }
  }

  function outcome(): Outcome {
    if (what === "ask") {
      const deadline = choice % 2 === 0 ? { expireTime: caller.moment(other * 4) } : {};
      const question = { id: caller.newId("q"), prompt: "which?", createTime: now, ...deadline };
      return { kind: "ask", question };
    }
    if (what === "defer" && hasEvents) {
      const untilTime = choice % 3 === 2 ? {} : { untilTime: now + other * 3 };
      return { kind: "defer", ...untilTime, ...(choice % 3 > 0 && { untilEvents: 1 + (other % 4) }) };
    }
    if (what !== "end") return { kind: "continue" };
    return choice % 3 > 0 ? { kind: "complete", reason: "done" } : { kind: "fail", error: boom };
  }

  /** What a turn asks for besides. It neither cancels nor interrupts itself, or a task that is above it. */
  function followUps(): FollowUp[] {
    if (task === undefined || other < 20) return [];
    const others = model.tasks.filter(({ parent }) => parent === task.id);
    const child = others[choice % others.length];
    const scheduled = task.events.find(({ state }) => state === EventState.SCHEDULED);
    const event = caller.newEvent(undefined, step);
    const { args } = caller.create(task, choice, { ...step, what: "create", request: undefined });
    const all: (FollowUp | undefined)[] = [
      { kind: "create", task: args },
      { kind: "send", taskId, event: { ...event, onBusy: "queue" } },
      child && { kind: "send", taskId: child.id, event: { ...event, id: caller.newId("e") } },
      child && other % 3 === 0 ? { kind: "cancel", taskId: child.id, reason: "enough" } : undefined,
      scheduled && { kind: "unschedule", eventId: scheduled.id },
    ];
    return all.filter((followUp) => followUp !== undefined).slice(choice % 4, (choice % 4) + 1 + (other % 2));
  }

  /** Shows something more: a message that is whole, or one that is streaming, its deltas or its end. */
  function more(choice: number): OutputEntry[] {
    const id = caller.newId("m");
    const begin = { kind: "message" as const, id, author: MessageAuthor.AGENT };
    if (choice % 16 < 4) return [{ ...begin, content: bytes(`whole ${id}`), done: true }];
    const [message] = streaming;
    if (message === undefined || choice % 16 < 6) return [{ ...begin, done: false }, delta(id)];
    if (choice % 16 < 12) return [delta(message.id), delta(message.id)];
    return [{ kind: "end", id: message.id, content: bytes(message.text) }];
  }

  function delta(messageId: string): OutputEntry {
    return { kind: "delta", delta: { messageId, partIndex: 0, text: `+${caller.newId("")}` } };
  }
}
