import type { Client } from "@connectrpc/connect";
import type { ScheduleService, TriggerScheduleResponse } from "../../../src/proto.ts";
import type { Random } from "../../crash-random.ts";
import { type Connection, mayAskAgain } from "./connection.ts";

/** What an owner did to a schedule. */
export interface Kept {
  triggers: number;
  pauses: number;
}

/** Whoever owns a schedule: triggers it now and then, or has it pause for a few of its periods and go on. Resolves when all of it is done. */
export async function keepSchedule(
  name: string,
  period: number,
  random: Random,
  connected: () => Promise<Connection>,
  pause: (time: number) => Promise<unknown>,
): Promise<Kept> {
  const kept: Kept = { triggers: 0, pauses: 0 };
  for (let left = random.pick([0, 0, 1, 2, 4]); left > 0; left--) {
    await pause(random.between(1, 1.5 * period));
    if (random.chance(0.6)) await trigger();
    else await rest();
  }
  return kept;

  /** Triggers it, and now and then once more under the same id, which has no effect. */
  async function trigger(): Promise<void> {
    const request = { name, requestId: `trigger-${++kept.triggers}` };
    const first = await ask((schedules) => schedules.triggerSchedule(request));
    if (random.chance(0.5)) return;
    const again: TriggerScheduleResponse = await ask((schedules) => schedules.triggerSchedule(request));
    if (!again.duplicate || again.task?.id !== first.task?.id)
      throw new Error(`G8 ${request.requestId} made ${first.task?.id}, and again ${again.task?.id}`);
  }

  async function rest(): Promise<void> {
    kept.pauses += 1;
    await ask((schedules) => schedules.pauseSchedule({ name, reason: "a rest" }));
    await pause(random.between(1, 3 * period));
    await ask((schedules) => schedules.resumeSchedule({ name }));
  }

  /** Asks until there is an answer. */
  async function ask<T>(call: (schedules: Client<typeof ScheduleService>) => Promise<T>): Promise<T> {
    for (;;) {
      const connection = await connected();
      try {
        return await call(connection.schedules);
      } catch (error) {
        if (!mayAskAgain(connection, error)) throw error;
      }
      await pause(random.between(1, 500));
    }
  }
}
