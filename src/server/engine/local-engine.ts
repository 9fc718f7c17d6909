import type { Agent, Logger } from "../agent.ts";
import type { Clock } from "../clock.ts";
import { serverStopping, TaskError } from "../errors.ts";
import { runTurn } from "../mailbox/turn.ts";
import type { Commit, StartedTurn, StartTurnResult, StoppedTurn, TurnSource } from "../store/calls.ts";
import type { Store } from "../store/store.ts";
import type { TaskLog } from "../task-log/task-log.ts";
import { type Meter, noMeter } from "../telemetry/meter.ts";
import { detached } from "../telemetry/spans.ts";
import { storeBackoff } from "./alarm.ts";
import { createBacklog } from "./backlog.ts";
import type { Engine } from "./engine.ts";
import { createTimekeeper } from "./timekeeper.ts";

/** How many times work may lose its process before it is given up: something about it may be what kills them. */
const maxLosses = 100;
/** How many turns one transaction recovers. */
const recoverLimit = 500;

export interface LocalEngineOptions {
  store: Store;
  agents: ReadonlyMap<string, Agent>;
  taskLog: Pick<TaskLog, "follow">;
  clock: Clock;
  log: Logger;
  /** The most turns that run at once. Further ones wait in the store. */
  maxTurns: number;
  /** Keeps the figures of turns. Default: nobody. */
  meter?: Meter;
  /** Whether what handlers throw is logged in full. Default false. */
  logErrors?: boolean;
}

/** A task whose turns are being run. Made when it has work, forgotten when it has none. */
interface Run {
  lanes: Set<Lane>;
  /** Whether the store is being asked for a turn, or its answer waits for handlers to settle. */
  asking: boolean;
  /** Whether the task may have got work since the store was last asked. */
  woken: boolean;
  /** The turns that were stopped before their lanes began. */
  stopped: Map<number, StoppedTurn>;
  /** Whether a handler was left behind when the task was cancelled, until the turn that the store is to know it with has begun. */
  forced: boolean;
}

/** One turn after the other, each begun with the commit of the one before. */
interface Lane {
  turn: number;
  abort: AbortController;
  /** Whether its turn was made void from outside, so that the next waits until its handler has settled. */
  stopped: boolean;
  /** Resolves when it has ended. */
  ended: Promise<void>;
}

/** Runs turns in this process. It keeps nothing of a task that has no work. */
export function createLocalEngine(options: LocalEngineOptions): Engine {
  const { store, agents, taskLog, clock, log, maxTurns, meter = noMeter, logErrors = false } = options;
  const owner = clock.id();
  const source: TurnSource = { owner, agents: [...agents.keys()] };
  const timekeeper = createTimekeeper({ store, clock, log });
  const runs = new Map<string, Run>();
  const running = new Set<Promise<void>>();
  const deadlinePassed = new AbortController();
  let unwatch: (() => void) | undefined;
  let stopping = false;
  const backlog = createBacklog({
    ...{ store, agents: source.agents, clock, log },
    hasRoom,
    begin: (taskId) => wake(taskId, true),
    blocked: () => [...runs.values()].filter(isSettling).length,
  });

  return {
    async start() {
      unwatch = store.watch(onCommit);
      const exhausted = new Map([...agents].map(([name, { retry }]) => [name, retry.onExhausted]));
      const lost = { owner, maxLosses, exhausted, limit: recoverLimit };
      while ((await store.recoverTurns({ ...lost, now: clock.now() })) === recoverLimit);
      await timekeeper.start();
      await backlog.look();
    },
    accept(taskId, call) {
      // Before it hears of what is stopped, and where it could not begin at once, it starts what is due as it is told of it.
      const canBegin = unwatch !== undefined && !runs.has(taskId) && isWelcome();
      if (!canBegin) return call(undefined);
      const run = newRun();
      runs.set(taskId, run);
      const accepted = call(source);
      // What it is refused for is its caller's, and so is what is active there.
      detached(() => track(advanceOne(taskId, run, () => accepted.catch(() => ({})))));
      return accepted;
    },
    async stop(deadline) {
      stopping = true;
      backlog.stop();
      await timekeeper.stop();
      const disarm = clock.timer(deadline, () => {
        deadlinePassed.abort();
        for (const { lanes } of runs.values()) for (const lane of lanes) lane.abort.abort(serverStopping());
      });
      while (running.size > 0) await Promise.all(running);
      disarm();
      unwatch?.();
    },
  };

  function onCommit({ stopped, due }: Commit): void {
    for (const turn of stopped) stopTurn(turn);
    const now = clock.now();
    for (const { taskId, time } of due) {
      if (time <= now) wake(taskId);
      else backlog.lookAt(time);
    }
  }

  function stopTurn(turn: StoppedTurn): void {
    const run = runs.get(turn.taskId);
    if (run === undefined) return;
    const lane = [...run.lanes].find((lane) => lane.turn === turn.turn);
    if (lane === undefined) {
      run.stopped.set(turn.turn, turn);
      return;
    }
    lane.stopped = true;
    lane.abort.abort(new TaskError(turn.error.reason, turn.error.message));
  }

  /** Whether one more turn may run. */
  function hasRoom(): boolean {
    return !stopping && running.size < maxTurns;
  }

  /** Whether a task that comes now may begin: others that are due do not wait for the same room. */
  function isWelcome(): boolean {
    return hasRoom() && !backlog.isWaiting();
  }

  /** Has a task go on if there is something to do. One that is `admitted` has waited for the room. */
  function wake(taskId: string, admitted = false): void {
    if (stopping) return;
    const run = runs.get(taskId) ?? newRun();
    runs.set(taskId, run);
    run.woken = true;
    advance(taskId, run, admitted);
  }

  /** Asks the store for a task's next turn, if it may have one, it is its turn, and no handler that was stopped is still to settle. */
  function advance(taskId: string, run: Run, admitted = false): void {
    if (run.asking || isSettling(run)) return;
    if (run.woken && (admitted ? hasRoom() : isWelcome())) {
      run.woken = false;
      track(advanceOne(taskId, run, () => startTurn(taskId, run)));
      return;
    }
    if (run.woken) backlog.leave();
    run.woken = false;
    if (run.lanes.size === 0 && !run.forced) runs.delete(taskId);
  }

  function track(work: Promise<void>): void {
    running.add(work);
    void work.finally(() => {
      running.delete(work);
      backlog.fill();
    });
  }

  /** Runs a task's next turn, if it has one, and those that follow it. */
  async function advanceOne(taskId: string, run: Run, start: () => Promise<StartTurnResult>): Promise<void> {
    try {
      const turn = await ask(run, start);
      if (turn !== undefined) await runLane(taskId, run, turn);
    } catch (error) {
      log.error("a task's turns stopped, and go on later", { taskId, error });
      backlog.lookAt(clock.now() + storeBackoff);
    }
    advance(taskId, run);
  }

  async function startTurn(taskId: string, run: Run): Promise<StartTurnResult> {
    const result = await store.startTurn({ taskId, now: clock.now(), forced: run.forced, ...source });
    run.forced = false;
    return result;
  }

  async function ask(run: Run, start: () => Promise<StartTurnResult>): Promise<StartedTurn | undefined> {
    run.asking = true;
    try {
      const { turn, dueTime } = await start();
      if (dueTime !== undefined) backlog.lookAt(dueTime);
      // Those beside it may have been stopped since the store was asked, and the turn be what comes after them.
      while (isSettling(run)) await Promise.all([...run.lanes].map(({ stopped, ended }) => stopped && ended));
      return turn;
    } finally {
      run.asking = false;
    }
  }

  async function runLane(taskId: string, run: Run, first: StartedTurn): Promise<void> {
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    const lane: Lane = { turn: first.turn, abort: new AbortController(), stopped: false, ended };
    run.lanes.add(lane);
    try {
      // Side by side with this one there may be room for another.
      if ((agents.get(first.task.agent)?.mailbox.parallel ?? 1) > 1) wake(taskId);
      for (let turn: StartedTurn | undefined = first; turn !== undefined; )
        turn = await runOne(run, lane, turn);
    } finally {
      run.lanes.delete(lane);
      end();
    }
  }

  async function runOne(run: Run, lane: Lane, turn: StartedTurn): Promise<StartedTurn | undefined> {
    const agent = agents.get(turn.task.agent);
    lane.turn = turn.turn;
    lane.abort = new AbortController();
    // One that was stopped before it began here is over already.
    if (agent === undefined || run.stopped.delete(turn.turn)) {
      run.woken = true;
      return undefined;
    }
    if (deadlinePassed.signal.aborted) lane.abort.abort(serverStopping());
    const result = await runTurn({
      store,
      agent,
      agents,
      turn,
      signal: lane.abort.signal,
      next: nextSource,
      giveUp: deadlinePassed.signal,
      follow: taskLog.follow,
      clock,
      log,
      meter,
      logErrors,
    });
    if (result.dueTime !== undefined) backlog.lookAt(result.dueTime);
    if (lane.stopped) {
      // The next turn waited for this one's handler.
      run.woken = true;
      run.forced ||= result.leftBehind;
    }
    return result.turn;
  }

  /** Says who may run a task's next turn: nobody if others wait, so that a task with much to do does not keep them waiting. */
  function nextSource(): TurnSource | undefined {
    if (stopping) return undefined;
    if (!backlog.isWaiting()) return source;
    backlog.leave();
    return undefined;
  }
}

/** Whether a handler of a task that was stopped is still to settle. */
function isSettling({ lanes }: Run): boolean {
  for (const { stopped } of lanes) if (stopped) return true;
  return false;
}

function newRun(): Run {
  return { lanes: new Set(), asking: false, woken: false, stopped: new Map(), forced: false };
}
