import { Handler } from "../../proto.ts";
import type { Agent, Logger } from "../agent.ts";
import type { Clock } from "../clock.ts";
import { hasReason } from "../errors.ts";
import type { Failure, Millis, StartedTurn, StartTurnResult, TurnSource } from "../store/records.ts";
import type { Store } from "../store/store.ts";
import { agentEvent } from "./agent-event.ts";
import { retryDelay } from "./retry-delay.ts";
import { createTurnContext } from "./turn-context.ts";

export interface RunTurn {
  store: Store;
  agent: Agent;
  turn: StartedTurn;
  /** Aborts the turn, with a TaskError: TASK_CANCELLED if it is over in the store already, else to have it given back. */
  signal: AbortSignal;
  /** Says who may run the task's next turn, started with this one's commit. Undefined: nobody, now. */
  next(): TurnSource | undefined;
  /** Aborts when a store that does not answer is not worth waiting for any more. */
  giveUp: AbortSignal;
  clock: Clock;
  log: Logger;
}

/**
 * Runs a turn that was started: calls the handler, then commits what it did, or records what it failed with (G3, G7).
 *
 * It is a function of the store, the agent, the turn and a signal alone, so that it may run in another process than the one that
 * accepted the event. Resolves with the task's next turn, if the commit started one. A handler that goes on after its signal has aborted
 * is left behind after the agent's grace: nothing it does later has effect (G5).
 */
export async function runTurn(run: RunTurn): Promise<StartTurnResult> {
  const { store, agent, turn, clock } = run;
  const task = { taskId: turn.task.id, turn: turn.turn };
  const log = withFields(run.log, { agent: agent.name, ...task, attempt: turn.attempt });
  const context = createTurnContext({ ...run, log });
  try {
    await settled(callHandler(agent, turn, context.ctx), run, log);
    // A handler that returns because it was told to stop has not done its work, and its half is not to be taken for the whole.
    run.signal.throwIfAborted();
    const effects = await context.finish();
    return await persist(run, () => {
      const next = run.next();
      return store.commitTurn({ ...task, ...effects, now: clock.now(), ...(next && { next }) });
    });
  } catch (error) {
    if (hasReason(run.signal.reason, "TASK_CANCELLED")) return {};
    context.close();
    return await giveBack(run, error, log);
  } finally {
    context.close();
  }
}

/** Records what a turn failed with, unless it is over in the store already: what its handler threw does not tell. */
async function giveBack(run: RunTurn, error: unknown, log: Logger): Promise<StartTurnResult> {
  const { store, turn, clock } = run;
  const failure = run.signal.aborted ? lost(run.signal.reason) : failed(error);
  const counts = failure.reason === "HANDLER_FAILED";
  const retryTime = retryTimeOf(run, failure);
  const retry = retryTime === undefined ? {} : { retryTime };
  const { id: taskId } = turn.task;
  try {
    await persist(run, () =>
      store.failTurn({ taskId, turn: turn.turn, error: failure, counts, now: clock.now(), ...retry }),
    );
  } catch (problem) {
    if (hasReason(problem, "TURN_OVER")) return {};
    throw problem;
  }
  if (counts) log.error("a handler failed", { error });
  return retryTime === undefined ? {} : { dueTime: retryTime };
}

async function callHandler(
  agent: Agent,
  turn: StartedTurn,
  ctx: ReturnType<typeof createTurnContext>["ctx"],
) {
  if (turn.handler === Handler.TASK_CREATE) await agent.onTaskCreate?.(ctx);
  else if (turn.handler === Handler.TASK_CANCEL)
    await agent.onTaskCancel?.(ctx, turn.task.statusReason ?? "");
  else if (turn.event !== undefined) await agent.onTaskEventSend(ctx, agentEvent(turn.event));
}

/** Waits for the handler; once the signal has aborted, for the agent's grace at most. */
async function settled(
  handler: Promise<void>,
  { signal, agent, clock }: RunTurn,
  log: Logger,
): Promise<void> {
  const outOfPatience = Promise.withResolvers<never>();
  let disarm: (() => void) | undefined;
  const onAbort = () => {
    disarm = clock.timer(agent.cancelGrace, () => {
      log.warn("a handler goes on after its signal aborted, and is left behind");
      outOfPatience.reject(signal.reason);
    });
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  try {
    await Promise.race([handler, outOfPatience.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
    disarm?.();
    // A handler that is left behind may still reject, and nobody is there to hear it.
    handler.catch(() => undefined);
  }
}

/** Writes to the store, again and again while it is unavailable: what the handler did is not to be done twice for a full disk. */
async function persist<T>({ clock, log, giveUp }: RunTurn, write: () => Promise<T>): Promise<T> {
  for (let failures = 0; ; failures++) {
    try {
      return await write();
    } catch (error) {
      const passing = hasReason(error, "STORE_UNAVAILABLE", "OVERLOADED");
      if (!passing || giveUp.aborted) throw error;
      if (failures === 0) log.error("the store cannot write; the turn waits for it", { error });
      const delay = retryDelay({ initialBackoff: 50, maxBackoff: 2000 }, failures, clock.random());
      await pause(clock, delay, giveUp);
    }
  }
}

function pause(clock: Clock, delay: Millis, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const disarm = clock.timer(delay, done);
    signal.addEventListener("abort", done, { once: true });
    function done() {
      disarm();
      signal.removeEventListener("abort", done);
      resolve();
    }
  });
}

/** When to run the turn again: at once if it was stopped from outside, after a backoff if it failed, or never again. */
function retryTimeOf({ agent, turn, clock }: RunTurn, failure: Failure): Millis | undefined {
  if (failure.reason === "TURN_LOST") return clock.now();
  if (turn.failures + 1 >= agent.retry.maxAttempts) return undefined;
  return clock.now() + retryDelay(agent.retry, turn.failures, clock.random());
}

/** Describes what a handler threw, which may be anything at all. */
function failed(error: unknown): Failure {
  const isError = error instanceof Error;
  const name = textOf(() => (isError ? error.name : typeof error), 256);
  const message = textOf(() => (isError ? error.message : error), 4096);
  return { reason: "HANDLER_FAILED", name, message };
}

function textOf(read: () => unknown, maxLength: number): string {
  try {
    return String(read()).slice(0, maxLength).toWellFormed();
  } catch {
    return "something without a text";
  }
}

function lost(reason: unknown): Failure {
  return { reason: "TURN_LOST", message: reason instanceof Error ? reason.message : "the turn was stopped" };
}

function withFields(log: Logger, fields: Record<string, unknown>): Logger {
  return {
    info: (message, more) => log.info(message, { ...fields, ...more }),
    warn: (message, more) => log.warn(message, { ...fields, ...more }),
    error: (message, more) => log.error(message, { ...fields, ...more }),
  };
}
