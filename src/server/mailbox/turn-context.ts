import type { JsonObject } from "@bufbuild/protobuf";
import type { Span } from "@opentelemetry/api";
import type { Agent, Logger, TaskInfo, TurnContext } from "../agent.ts";
import type { Clock } from "../clock.ts";
import { TaskError } from "../errors.ts";
import { linkSignals } from "../link-signals.ts";
import type { CommitTurn, StartedTurn } from "../store/calls.ts";
import type { TaskRecord } from "../store/records.ts";
import type { Store } from "../store/store.ts";
import { structOf } from "../struct.ts";
import type { TaskLog } from "../task-log/task-log.ts";
import { createFollowUps } from "./follow-ups.ts";
import { isOver } from "./turn-end.ts";
import { createTurnMailbox } from "./turn-mailbox.ts";
import { createTurnMessages } from "./turn-messages.ts";
import { createTurnOutcome } from "./turn-outcome.ts";
import { createTurnOutput } from "./turn-output.ts";
import { createTurnSchedule } from "./turn-schedule.ts";
import { createTurnState } from "./turn-state.ts";
import { createTurnTasks } from "./turn-tasks.ts";

export interface TurnContextOptions {
  store: Store;
  agent: Agent;
  agents: ReadonlyMap<string, Agent>;
  follow: TaskLog["follow"];
  turn: StartedTurn;
  signal: AbortSignal;
  clock: Clock;
  log: Logger;
  /** Makes of an error what the log is to tell of it. */
  told: (error: unknown) => unknown;
  /** The turn's span, which what it takes besides is linked to. */
  span: Span;
}

/** What a turn comes to: what its commit carries. */
export type TurnEffects = Pick<CommitTurn, "output" | "changes" | "reads" | "followUps" | "outcome">;

/** Makes what a handler is given, and what its turn comes to. */
export function createTurnContext(options: TurnContextOptions) {
  const { store, turn, clock, log } = options;
  const { id: taskId } = turn.task;
  const linked = linkSignals(options.signal);
  /** Ends what waits when the turn is to stop, and when it is over. */
  const life = linkSignals(linked.signal);
  let failure: { error: unknown } | undefined;
  let closed = false;
  const output = createTurnOutput(
    (entries) => store.appendOutput({ taskId, turn: turn.turn, output: entries, now: clock.now() }),
    clock,
    (error) => {
      failure = { error };
      linked.abort(error);
    },
  );
  const followUps = createFollowUps();
  const parts = { ...options, signal: life.signal, followUps, output, requireOpen };
  const { state, changes, reads } = createTurnState(turn.state, requireOpen);
  const { messages, end } = createTurnMessages(parts);
  const { mailbox, settle, close: closeMailbox } = createTurnMailbox(parts);
  const { calls, outcome } = createTurnOutcome(parts);
  const { tasks, settled } = createTurnTasks(parts);

  const ctx: TurnContext = {
    task: taskInfo(turn.task),
    signal: linked.signal,
    attempt: turn.attempt,
    log,
    messages,
    state,
    mailbox,
    tasks,
    ...createTurnSchedule(parts),
    ...calls,
  };
  return { ctx, finish, close };

  /** Ends what is still streaming and closes the context. Returns what the turn comes to. Throws TURN_OVER if it is over already. */
  async function finish(): Promise<TurnEffects> {
    requireOpen();
    await settled();
    requireOpen();
    end();
    endLife();
    await settle();
    return {
      output: await output.finish(),
      changes: changes(),
      reads: reads(),
      followUps: followUps.list(),
      outcome: outcome(),
    };
  }

  function close(): void {
    endLife();
    life.release();
    linked.release();
    closeMailbox();
    output.close();
  }

  /** Ends what waits. */
  function endLife(): void {
    closed = true;
    life.abort(ended);
  }

  function requireOpen(): void {
    if (failure !== undefined) throw failure.error;
    if (closed || isOver(options.signal)) throw over();
  }

  function over(): TaskError {
    return new TaskError("TURN_OVER", `turn ${turn.turn} of task ${taskId} is over`);
  }
}

/** What waits within a turn is told when the turn ends. Made once: an error is dear to make, and each turn ends. */
const ended = new TaskError("TURN_OVER", "the turn is over");

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
    owner: task.owner ?? "",
    createTime: new Date(task.createTime),
  };
}
