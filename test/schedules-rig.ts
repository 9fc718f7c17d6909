import type { JsonObject } from "@bufbuild/protobuf";
import { createClient, type SchedulesClient, type TasksClient } from "../src/client/index.ts";
import { type AgentDefinition, defineAgent, type ServeOptions, serve } from "../src/server/index.ts";
import { createManualClock, type ManualClock } from "./manual-clock.ts";

export const second = 1000;
export const minute = 60 * second;
export const hour = 60 * minute;
export const day = 24 * hour;
/** When the clocks of these tests begin. */
export const midnight = Date.parse("2027-01-01T00:00:00Z");

/** An event that the agent was given: of which task and schedule, for which time, and what it says. */
export interface Heard {
  taskId: string;
  schedule: string;
  /** As in `2027-01-01T03:00:00.000Z`. */
  time: string;
  text: string;
  type: string;
  sender: string;
}

/** What an event's metadata says of the schedule that sent it. */
export function firingOf(metadata: JsonObject | undefined): { name: string; time: string } {
  const schedule = metadata?.schedule;
  if (typeof schedule !== "object" || schedule === null || Array.isArray(schedule))
    throw new Error("no schedule has sent it");
  return { name: String(schedule.name), time: String(schedule.time) };
}

/** A server of one agent, `rig`, under a clock that the test moves, and a client of it that tries nothing twice. */
export interface ScheduleRig extends AsyncDisposable {
  clock: ManualClock;
  schedules: SchedulesClient;
  tasks: TasksClient;
  /** What the agent was given. */
  heard: Heard[];
  /** Resolves with all that the agent was given once it is as much as this. */
  until(count: number): Promise<Heard[]>;
  close(): Promise<void>;
}

/** Serves an agent, on a store that is gone with it unless the options say other. It completes a task that has no name. */
export async function startSchedules(
  definition: Partial<AgentDefinition> = {},
  {
    clock = createManualClock(new Date(midnight).toISOString()),
    ...options
  }: Partial<ServeOptions> & {
    clock?: ManualClock;
  } = {},
): Promise<ScheduleRig> {
  const heard: Heard[] = [];
  let grown = Promise.withResolvers<void>();
  const agent = defineAgent({
    name: "rig",
    ...definition,
    async onTaskEventSend(ctx, event) {
      const { name, time } = firingOf(event.metadata);
      const { text, type, sender } = event;
      heard.push({ taskId: ctx.task.id, schedule: name, time, text, type, sender });
      grown.resolve();
      grown = Promise.withResolvers();
      await definition.onTaskEventSend?.(ctx, event);
      if (ctx.task.name === "") ctx.complete();
    },
  });
  const server = await serve({ agents: [agent], store: "memory:", port: 0, drain: 0, clock, ...options });
  const { tasks, schedules } = createClient({ baseUrl: server.url, retry: { maxAttempts: 1 } });
  return {
    clock,
    schedules,
    tasks,
    heard,
    async until(count) {
      while (heard.length < count) await grown.promise;
      return heard;
    },
    close: () => server.close(),
    [Symbol.asyncDispose]: () => server.close(),
  };
}
