import { Handler } from "../../proto.ts";
import type { Agent, Logger, TurnContext } from "../agent.ts";
import type { Clock } from "../clock.ts";
import { hasReason, TaskError } from "../errors.ts";
import { linkSignals } from "../link-signals.ts";
import type { StartedTurn, StartTurnResult, TurnSource } from "../store/calls.ts";
import type { Store } from "../store/store.ts";
import type { TaskLog } from "../task-log/task-log.ts";
import type { Meter, TurnResult } from "../telemetry/meter.ts";
import { withoutWords } from "../telemetry/without-words.ts";
import { agentEvent } from "./agent-event.ts";
import { settled } from "./handler-grace.ts";
import { persist } from "./persist.ts";
import { createTurnContext, type TurnEffects } from "./turn-context.ts";
import { type Cause, isOver, type TurnEnd, turnEnd } from "./turn-end.ts";
import { observeTurn, type TurnObservation } from "./turn-observation.ts";

export interface RunTurn {
  store: Store;
  agent: Agent;
  /** All agents of the server, which the turn may make tasks for. */
  agents: ReadonlyMap<string, Agent>;
  /** Follows the logs of tasks, for the turn to read. */
  follow: TaskLog["follow"];
  turn: StartedTurn;
  /**
   * Aborts the turn, with a TaskError: TASK_CANCELLED, TASK_INTERRUPTED or TIMED_OUT if it is over in the store already, else to have it
   * given back.
   */
  signal: AbortSignal;
  /** Says who may run the task's next turn, started with this one's commit. Undefined: nobody, now. */
  next(): TurnSource | undefined;
  /** Aborts when a store that does not answer is not worth waiting for any more. */
  giveUp: AbortSignal;
  clock: Clock;
  log: Logger;
  /** Keeps the figures of turns. Default: nobody. */
  meter?: Meter;
  /** Whether what handlers throw is logged in full. Default false. */
  logErrors?: boolean;
}

/** What came of a turn: what may be run next, and whether its handler was left behind and still runs. */
export interface RanTurn extends StartTurnResult {
  leftBehind: boolean;
}

/**
 * Runs a turn that was started: calls the handler, then commits what it did, or records what it failed with (G3, G7).
 *
 * It is a function of the store, the agents, the turn and a signal alone, so that it may run in another process than the one that
 * accepted the event. Resolves with the task's next turn, if the commit started one. A handler that goes on after its signal has aborted,
 * or its agent's `turnTimeout` has passed, is left behind after the agent's grace: nothing it does later has effect (G5).
 */
export async function runTurn(run: RunTurn): Promise<RanTurn> {
  const { agent, turn, clock } = run;
  const task = { taskId: turn.task.id, turn: turn.turn };
  const log = withFields(run.log, { agent: agent.name, ...task, attempt: turn.attempt });
  const observation = observeTurn(run);
  const stop = linkSignals(run.signal);
  const disarm = limitTime(run, (error) => stop.abort(error));
  const context = createTurnContext({
    ...{ ...run, signal: stop.signal, log, span: observation.span },
    told: (error) => told(run, error),
  });
  try {
    const handler = observation.run(() => callHandler(agent, turn, context.ctx));
    const { leftBehind, thrown } = await settled(handler, { agent, clock, log, signal: stop.signal });
    disarm();
    // A handler that returns because it was told to stop has not done its work, and its half is not to be taken for the whole.
    let cause = stopped(stop.signal) ?? thrown;
    if (cause === undefined) {
      try {
        const next = await commit(run, await context.finish());
        observation.end("committed");
        return { ...next, leftBehind };
      } catch (error) {
        cause = stopped(stop.signal) ?? (error instanceof TaskError ? error : { thrown: error });
      }
    }
    context.close();
    // What the handler threw does not tell whether the turn is over in the store already.
    if (isOver(run.signal)) return { leftBehind };
    return { ...(await giveBack(run, cause, log, observation)), leftBehind };
  } finally {
    // Unless it has ended otherwise, it was over already.
    observation.end("stopped");
    disarm();
    stop.release();
    context.close();
  }
}

/** Calls the handler for a turn's events, or for its task. Those of an agent that has been given another handler since come to that. */
async function callHandler(
  agent: Agent,
  { handler, task, events }: StartedTurn,
  ctx: TurnContext,
): Promise<void> {
  if (handler === Handler.TASK_CREATE) return await agent.onTaskCreate?.(ctx);
  if (handler === Handler.TASK_CANCEL) return await agent.onTaskCancel?.(ctx, task.statusReason ?? "");
  if (agent.onTaskEventBatch !== undefined) return await agent.onTaskEventBatch(ctx, events.map(agentEvent));
  for (const event of events) await agent.onTaskEventSend?.(ctx, agentEvent(event));
}

/** Calls back when the turn has taken as long as its agent lets it, unless stopped by the function that it returns. */
function limitTime({ agent, clock }: RunTurn, expire: (error: TaskError) => void): () => void {
  const { turnTimeout } = agent;
  if (turnTimeout === undefined) return () => {};
  return clock.timer(turnTimeout, () =>
    expire(new TaskError("TIMED_OUT", `the turn has taken longer than ${turnTimeout} ms`)),
  );
}

/** What a turn ends with that was told to stop: its time was up, or else it is given back. */
function stopped({ aborted, reason }: AbortSignal): Cause | undefined {
  if (!aborted) return undefined;
  if (hasReason(reason, "TIMED_OUT")) return reason;
  return new TaskError("TURN_LOST", reason instanceof Error ? reason.message : "the turn was stopped");
}

async function commit(run: RunTurn, effects: TurnEffects): Promise<StartTurnResult> {
  const { store, turn, clock } = run;
  return await persist(run, () => {
    const next = run.next();
    return store.commitTurn({
      taskId: turn.task.id,
      turn: turn.turn,
      ...effects,
      now: clock.now(),
      ...(next && { next }),
    });
  });
}

/** Records what a turn ended with. */
async function giveBack(
  run: RunTurn,
  cause: Cause,
  log: Logger,
  observation: TurnObservation,
): Promise<StartTurnResult> {
  const { store, agent, turn, clock } = run;
  const end = turnEnd(cause, run);
  try {
    await persist(run, () =>
      store.failTurn({
        taskId: turn.task.id,
        turn: turn.turn,
        ...end,
        exhausted: agent.retry.onExhausted,
        now: clock.now(),
      }),
    );
  } catch (problem) {
    if (hasReason(problem, "TURN_OVER")) return {};
    throw problem;
  }
  observation.end(resultOf(end), end.error.name ?? end.error.reason);
  if (!(cause instanceof TaskError)) {
    const { thrown } = cause;
    observation.run(() => log.error("a handler failed", { error: told(run, thrown) }));
  } else if (end.counts) {
    observation.run(() => log.error("a turn failed", { error: cause }));
  }
  return end.retryTime === undefined ? {} : { dueTime: end.retryTime };
}

/** What the log tells of an error that comes of what a handler has done: its message may repeat what an event says. */
function told({ logErrors = false }: RunTurn, error: unknown): unknown {
  return logErrors ? error : withoutWords(error);
}

function resultOf({ counts, retryTime }: TurnEnd): TurnResult {
  if (!counts) return "returned";
  return retryTime === undefined ? "exhausted" : "retried";
}

function withFields(log: Logger, fields: Record<string, unknown>): Logger {
  return {
    debug: (message, more) => log.debug?.(message, { ...fields, ...more }),
    info: (message, more) => log.info(message, { ...fields, ...more }),
    warn: (message, more) => log.warn(message, { ...fields, ...more }),
    error: (message, more) => log.error(message, { ...fields, ...more }),
  };
}
