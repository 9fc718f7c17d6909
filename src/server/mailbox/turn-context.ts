import type { JsonObject } from "@bufbuild/protobuf";
import { Handler } from "../../proto.ts";
import type { Logger, Messages, TaskInfo, TurnContext } from "../agent.ts";
import type { Clock } from "../clock.ts";
import { hasReason, TaskError } from "../errors.ts";
import { linkSignals } from "../link-signals.ts";
import type { CommitTurn, Outcome, StartedTurn, TaskRecord } from "../store/records.ts";
import type { Store } from "../store/store.ts";
import { structOf } from "../struct.ts";
import { encodeParts, parseContent } from "./content.ts";
import { authorOf, createMessageStream } from "./message-stream.ts";
import { createTurnOutput } from "./turn-output.ts";
import { createTurnState } from "./turn-state.ts";

export interface TurnContextOptions {
  store: Store;
  turn: StartedTurn;
  signal: AbortSignal;
  clock: Clock;
  log: Logger;
}

/** What a turn comes to: what its commit carries. */
export type TurnEffects = Pick<CommitTurn, "output" | "changes" | "outcome">;

/** Makes what a handler is given, and what its turn comes to. */
export function createTurnContext({ store, turn, signal, clock, log }: TurnContextOptions) {
  const linked = linkSignals(signal);
  let failure: { error: unknown } | undefined;
  let closed = false;
  let outcome: Outcome = { kind: "continue" };
  const streams: { end(): void }[] = [];
  const output = createTurnOutput(
    (entries) =>
      store.appendOutput({ taskId: turn.task.id, turn: turn.turn, output: entries, now: clock.now() }),
    clock,
    (error) => {
      failure = { error };
      linked.abort(error);
    },
  );
  const { state, changes } = createTurnState(turn.state, requireOpen);

  const messages: Messages = {
    send: (content, options) =>
      shown(async () => {
        requireOpen();
        const author = authorOf(options);
        const bytes = encodeParts(parseContent(content));
        const id = clock.id();
        output.push({ kind: "message", id, author, content: bytes, done: true }, bytes.byteLength);
        await output.room();
        return id;
      }),
    stream(options) {
      requireOpen();
      const { stream, end } = createMessageStream(clock.id(), authorOf(options), output, requireOpen);
      streams.push({ end });
      return {
        id: stream.id,
        write: (addition) => shown(() => stream.write(addition)),
        end: () => shown(() => stream.end()),
      };
    },
  };

  const ctx: TurnContext = {
    task: taskInfo(turn.task),
    signal: linked.signal,
    attempt: turn.attempt,
    log,
    messages,
    state,
    mailbox: { pending: turn.task.pendingEvents },
    complete(reason) {
      requireNotCancelled();
      outcome = { kind: "complete", ...withReason(reason) };
    },
    fail(reason) {
      requireNotCancelled();
      const message = withReason(reason).reason ?? "the agent failed the task";
      outcome = { kind: "fail", reason: message, error: { reason: "HANDLER_FAILED", message } };
    },
  };
  return { ctx, finish, close };

  /** Ends what is still streaming and closes the context. Returns what the turn comes to. Throws TURN_OVER if it is over already. */
  async function finish(): Promise<TurnEffects> {
    requireOpen();
    for (const { end } of streams) end();
    closed = true;
    return { output: await output.finish(), changes: changes(), outcome };
  }

  function close(): void {
    closed = true;
    linked.release();
    output.close();
  }

  /**
   * Makes a call whose failure is a rejection, and no unhandled one if the handler does not wait for it: a callback that comes once
   * the turn is over must not end the process. What is lost through a mistake of the agent is in the log.
   */
  function shown<T>(call: () => Promise<T>): Promise<T> {
    const result = call();
    result.catch((error: unknown) => {
      const isMistake = error instanceof TaskError && error.reason === "VALUE_INVALID";
      if (isMistake) log.warn("a handler cannot show what it wants to", { error });
    });
    return result;
  }

  function requireOpen(): void {
    if (failure !== undefined) throw failure.error;
    if (closed || hasReason(signal.reason, "TASK_CANCELLED")) {
      throw new TaskError("TURN_OVER", `turn ${turn.turn} of task ${turn.task.id} is over`);
    }
  }

  function requireNotCancelled(): void {
    requireOpen();
    if (turn.handler === Handler.TASK_CANCEL) {
      throw new TaskError(
        "VALUE_INVALID",
        "a task that was cancelled ends CANCELLED, and cannot be completed or failed",
      );
    }
  }
}

function taskInfo(task: TaskRecord): TaskInfo {
  let params: JsonObject | undefined;
  return {
    id: task.id,
    name: task.name ?? "",
    agent: task.agent,
    get params() {
      params ??= structOf(task.params ?? new Uint8Array());
      return params;
    },
    labels: task.labels,
    parentTaskId: task.parentTaskId ?? "",
    createTime: new Date(task.createTime),
  };
}

function withReason(reason: string | undefined): { reason?: string } {
  if (reason === undefined || reason === "") return {};
  if (typeof reason === "string" && reason.length <= 1024 && reason.isWellFormed()) return { reason };
  throw new TaskError("VALUE_INVALID", "a reason must be a string of at most 1,024 characters");
}
