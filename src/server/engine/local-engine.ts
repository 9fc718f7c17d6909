import { Handler } from "../../proto.ts";
import type { Agent, Logger } from "../agent.ts";
import type { Clock } from "../clock.ts";
import { serverStopping, TaskError } from "../errors.ts";
import { runTurn } from "../mailbox/turn.ts";
import type { Millis, StartedTurn, StartTurnResult, TurnSource } from "../store/records.ts";
import type { Store } from "../store/store.ts";
import type { Engine } from "./engine.ts";

/** How many times a turn may lose its process before its work is given up: something about it may be what kills them. */
const maxLosses = 100;
/** How many tasks one look at the store brings. */
const scanLimit = 500;
/** How long to wait when the store does not answer. */
const storeBackoff: Millis = 500;

export interface LocalEngineOptions {
  store: Store;
  agents: ReadonlyMap<string, Agent>;
  clock: Clock;
  log: Logger;
  /** The most turns that run at once. Further ones wait in the store. */
  maxTurns: number;
}

/** A task whose turns are being run. Made when it has work, forgotten when it has none. */
interface Run {
  /** Aborts the turn that runs. */
  abort: AbortController;
  cancelled: boolean;
  /** Whether the task may have got work since the store was last asked. */
  woken: boolean;
  done: Promise<void>;
}

/** Runs turns in this process. It keeps nothing of a task that has no work. */
export function createLocalEngine({ store, agents, clock, log, maxTurns }: LocalEngineOptions): Engine {
  const source: TurnSource = { owner: clock.id(), agents: [...agents.keys()], maxLosses };
  const runs = new Map<string, Run>();
  const deadlinePassed = new AbortController();
  let stopping = false;
  /** Due tasks that there was no room for when the store was asked, due longest first. */
  let ready: string[] = [];
  /** Whether the store may hold more of them. */
  let behind = false;
  /** Whether the store is being asked, and whether it is to be asked again after that. */
  let scanning = false;
  let again = false;
  let alarm: { time: Millis; stop(): void } | undefined;

  return { start: scan, wake, cancel, stop };

  function wake(taskId: string): void {
    const run = runs.get(taskId);
    if (run !== undefined) run.woken = true;
    else if (runs.size >= maxTurns) behind = true;
    else if (!stopping) begin(taskId);
  }

  function cancel(taskIds: readonly string[]): void {
    for (const taskId of taskIds) {
      wake(taskId);
      const run = runs.get(taskId);
      if (run === undefined) continue;
      run.cancelled = true;
      run.abort.abort(new TaskError("TASK_CANCELLED", "the task was cancelled"));
    }
  }

  async function stop(deadline: Millis): Promise<void> {
    stopping = true;
    alarm?.stop();
    const disarm = clock.timer(deadline, () => {
      deadlinePassed.abort();
      for (const run of runs.values()) run.abort.abort(serverStopping());
    });
    await Promise.all([...runs.values()].map(({ done }) => done));
    disarm();
  }

  function begin(taskId: string): void {
    const run: Run = { abort: new AbortController(), cancelled: false, woken: true, done: Promise.resolve() };
    runs.set(taskId, run);
    run.done = work(taskId, run)
      .catch((error: unknown) => {
        log.error("a task's turns stopped, and go on later", { taskId, error });
        wakeAt(clock.now() + storeBackoff);
      })
      .finally(() => {
        runs.delete(taskId);
        // What came after the store was last asked would be lost with the run.
        if (run.woken) behind = true;
        fill();
      });
  }

  /** Uses the room there is for tasks that wait for some. */
  function fill(): void {
    admit();
    if (behind && ready.length === 0 && runs.size < maxTurns) void scan();
  }

  function admit(): void {
    while (runs.size < maxTurns && !stopping) {
      const taskId = ready.shift();
      if (taskId === undefined) return;
      wake(taskId);
    }
  }

  /** Runs a task's turns until it has none that is due, or others wait for its place. */
  async function work(taskId: string, run: Run): Promise<void> {
    let next: StartTurnResult = {};
    do {
      run.woken = false;
      next = await store.startTurn({ taskId, now: clock.now(), ...source });
      fill();
      while (next.turn !== undefined) next = await runOne(next.turn, run);
    } while (run.woken && !stopping && !othersWait());
    if (next.dueTime !== undefined) wakeAt(next.dueTime);
  }

  /** Whether due tasks wait for room. */
  function othersWait(): boolean {
    return behind || ready.length > 0;
  }

  /** Says who may run a task's next turn: nobody if others wait, so that a task with much to do does not keep them waiting. */
  function nextSource(): TurnSource | undefined {
    if (stopping) return undefined;
    if (!othersWait()) return source;
    behind = true;
    return undefined;
  }

  async function runOne(turn: StartedTurn, run: Run): Promise<StartTurnResult> {
    const agent = agents.get(turn.task.agent);
    // A turn that was started before the cancellation and learns of it only here is over already.
    if (agent === undefined || (run.cancelled && turn.handler !== Handler.TASK_CANCEL)) {
      run.woken = true;
      return {};
    }
    run.abort = new AbortController();
    if (deadlinePassed.signal.aborted) run.abort.abort(serverStopping());
    const result = await runTurn({
      store,
      agent,
      turn,
      signal: run.abort.signal,
      next: nextSource,
      giveUp: deadlinePassed.signal,
      clock,
      log,
    });
    if (run.abort.signal.aborted) run.woken = true;
    return result;
  }

  /** Begins a run for every task that is due, as far as there is room, and sets the alarm for the next. */
  async function scan(): Promise<void> {
    if (stopping) return;
    again = scanning;
    if (scanning) return;
    scanning = true;
    behind = false;
    try {
      const { taskIds, nextDueTime } = await store.dueTasks({
        owner: source.owner,
        agents: source.agents,
        now: clock.now(),
        limit: scanLimit,
      });
      if (taskIds.length === scanLimit) behind = true;
      ready = taskIds;
      admit();
      if (nextDueTime !== undefined) wakeAt(nextDueTime);
    } catch (error) {
      log.error("the store did not tell which tasks are due", { error });
      wakeAt(clock.now() + storeBackoff);
    } finally {
      scanning = false;
    }
    if (again) void scan();
  }

  function wakeAt(time: Millis): void {
    if (stopping || (alarm !== undefined && alarm.time <= time)) return;
    alarm?.stop();
    const stopTimer = clock.timer(Math.max(0, time - clock.now()), () => {
      alarm = undefined;
      void scan();
    });
    alarm = { time, stop: stopTimer };
  }
}
