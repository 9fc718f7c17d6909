import { setImmediate as others } from "node:timers/promises";
import type { Agent, Logger } from "../agent.ts";
import type { Clock } from "../clock.ts";
import type { OnLimit } from "../limits.ts";
import type { Millis } from "../store/records.ts";
import type { ScheduleRecord } from "../store/schedule-records.ts";
import type { ScheduleStore } from "../store/schedule-store.ts";
import type { TaskQuota } from "../task-quota.ts";
import { detached } from "../telemetry/spans.ts";
import { createFiring } from "./firing.ts";
import { planFirings } from "./plan-firings.ts";

/** How many schedules one look at the store brings. They are fired side by side. */
const lookLimit = 50;
/** How long it sleeps at most: the clock may be set, or its machine suspended, which no timer tells. */
const maxSleep: Millis = 60_000;
/** How long it waits after a failure, at first and at most: others wait with the schedule that fails. Each further one doubles it. */
const backoff = { first: 500, most: 5000 };

export interface SchedulerOptions {
  store: Pick<ScheduleStore, "dueSchedules" | "fireSchedule">;
  /** The agents whose schedules are fired. Those of others are left as they are, due. */
  agents: ReadonlyMap<string, Agent>;
  /** Holds the owners of schedules to a number of unfinished tasks. */
  quota: TaskQuota;
  /** Is told of each time that is skipped for that. */
  onLimit: OnLimit;
  clock: Clock;
  log: Logger;
}

/** Fires schedules when their time has come. Several may do so on one store: each time fires once. */
export interface Scheduler {
  /** Begins: what was missed comes first. */
  start(): void;
  /** Tells that a schedule may be due earlier than it was known to be. */
  wake(): void;
  /** Fires no more. Resolves when what was begun is done. */
  stop(): Promise<void>;
}

export function createScheduler(options: SchedulerOptions): Scheduler {
  const { store, agents, quota, onLimit, clock, log } = options;
  const names = [...agents.keys()];
  let stopped = false;
  let looking: Promise<void> | undefined;
  /** Whether it was woken since it began to look. */
  let woken = false;
  /** How many looks in a row have failed. */
  let failed = 0;
  let stopAlarm: (() => void) | undefined;

  return { start: wake, wake, stop };

  function wake(): void {
    woken = true;
    if (stopped || looking !== undefined) return;
    stopAlarm?.();
    looking = look().finally(() => {
      looking = undefined;
      if (woken) wake();
    });
  }

  async function stop(): Promise<void> {
    stopped = true;
    stopAlarm?.();
    await looking;
  }

  /** Fires all that is due, and sets the alarm. */
  async function look(): Promise<void> {
    woken = false;
    let idleUntil: Millis = 0;
    try {
      while (idleUntil <= clock.now() && !stopped) idleUntil = await fireDue();
      failed = 0;
    } catch (error) {
      log.error("schedules could not be fired, and are tried again", { error });
      idleUntil = clock.now() + Math.min(backoff.most, backoff.first * 2 ** failed);
      failed += 1;
    }
    if (!stopped) stopAlarm = clock.timer(Math.min(idleUntil - clock.now(), maxSleep), wake);
  }

  /** Fires what is due, as much as one look brings. Returns until when there is nothing to do. */
  async function fireDue(): Promise<Millis> {
    const { schedules, nextTime } = await store.dueSchedules({
      agents: names,
      now: clock.now(),
      limit: lookLimit,
    });
    const failures: unknown[] = [];
    const underWay: Promise<void>[] = [];
    for (const schedule of schedules) {
      underWay.push(fire(schedule).catch((error: unknown) => void failures.push(error)));
      // To work out what was missed for long takes a while: requests have their turn between.
      await others();
    }
    await Promise.all(underWay);
    if (failures.length > 0) throw failures[0];
    // What is fired may be due again by now, and what there was no room for is.
    return schedules.length > 0 ? 0 : (nextTime ?? Number.POSITIVE_INFINITY);
  }

  async function fire(schedule: ScheduleRecord): Promise<void> {
    const { name, owner, id } = schedule;
    const key = { name, ...(owner !== undefined && { owner }) };
    const agent = agents.get(schedule.agent);
    let expectedTime = schedule.nextTime;
    if (agent === undefined || expectedTime === undefined) return;
    const now = clock.now();
    for (const { times, ...step } of planFirings(schedule.spec, expectedTime, now)) {
      if (expectedTime === undefined || stopped) return;
      // What goes to a task of a name makes one at the most.
      const needed = schedule.action.taskName === undefined ? times.length : Math.min(times.length, 1);
      const room = await quota.reserve(owner ?? "", needed);
      let made = 0;
      try {
        const firings = detached(() =>
          times.map((time, index) => {
            const limit = room.limit(Math.min(index, needed - 1));
            return createFiring(schedule, time, agent, clock, limit);
          }),
        );
        const args = { ...key, id, expectedTime, firings, ...step, now: clock.now() };
        const result = await store.fireSchedule(args);
        made = result.made;
        // Another has fired it, or it has changed: the next look tells.
        if (!result.fired) return;
        for (let told = 0; told < result.overLimit; told += 1) onLimit("tasks");
        expectedTime = step.nextTime;
      } finally {
        room.settle(made);
      }
    }
  }
}
