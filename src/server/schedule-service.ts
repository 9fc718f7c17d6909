import type { ServiceImpl } from "@connectrpc/connect";
import {
  CreateScheduleRequestSchema,
  type ScheduleService,
  type TriggerScheduleRequest,
  TriggerScheduleRequestSchema,
} from "../proto.ts";
import type { Agent } from "./agent.ts";
import type { Clock } from "./clock.ts";
import { TaskError } from "./errors.ts";
import { requireAgent } from "./mailbox/mailbox.ts";
import { requestKey } from "./mailbox/request-key.ts";
import { createPageTokens } from "./page-token.ts";
import { nextAfter } from "./schedules/cron.ts";
import { createFiring } from "./schedules/firing.ts";
import { renderSchedule } from "./schedules/render-schedule.ts";
import { firstTime, scheduleDefinition } from "./schedules/schedule-definition.ts";
import type { RequestKey } from "./store/calls.ts";
import type { ScheduleRecord } from "./store/schedule-records.ts";
import type { ScheduleStore } from "./store/schedule-store.ts";
import { renderTask } from "./task-log/render.ts";

/** How many schedules there may be, how many a page has when the request does not say, and about how many bytes it ends at. */
const maxSchedules = 10_000;
const defaultPageSize = 100;
const maxPageBytes = 2_097_152;

export interface ScheduleServiceOptions {
  agents: ReadonlyMap<string, Agent>;
  store: ScheduleStore;
  clock: Clock;
  /** Is told that a schedule may be due earlier than the scheduler knows. */
  onChanged(): void;
}

/** ScheduleService over the store. Its requests have passed validation. */
export function createScheduleService({
  agents,
  store,
  clock,
  onChanged,
}: ScheduleServiceOptions): ServiceImpl<typeof ScheduleService> {
  return {
    async createSchedule(request) {
      requireAgent(agents, request.agent);
      const definition = scheduleDefinition(request);
      const schedule = await store.createSchedule({
        ...definition,
        id: clock.id(),
        nextTime: firstTime(definition.spec, clock.now()),
        paused: request.paused,
        limit: maxSchedules,
        ...requestKey(CreateScheduleRequestSchema, request),
        now: clock.now(),
      });
      onChanged();
      return { schedule: renderSchedule(schedule) };
    },

    async getSchedule({ name }) {
      return { schedule: renderSchedule(await load(name)) };
    },

    async listSchedules({ agent, pageSize, pageToken }) {
      const tokens = createPageTokens("schedules", [agent], ["string"]);
      const after = tokens.decode(pageToken)?.[0];
      const { items, more } = await store.listSchedules({
        ...(agent !== "" && { agent }),
        ...(after !== undefined && { after: String(after) }),
        limit: pageSize || defaultPageSize,
        maxBytes: maxPageBytes,
      });
      return {
        schedules: items.map(renderSchedule),
        nextPageToken: more ? tokens.encode([items.at(-1)?.name ?? ""]) : "",
      };
    },

    async pauseSchedule({ name, reason }) {
      const now = clock.now();
      const schedule = await store.pauseSchedule({ name, ...(reason !== "" && { reason }), now });
      return { schedule: renderSchedule(schedule) };
    },

    async resumeSchedule({ name }) {
      const { spec, settledTime = 0 } = await load(name);
      const now = clock.now();
      // A clock that was set back shows times again that have had their turn.
      const nextTime = nextAfter(spec, Math.max(now, settledTime));
      const resumed = await store.resumeSchedule({ name, ...(nextTime !== undefined && { nextTime }), now });
      onChanged();
      return { schedule: renderSchedule(resumed) };
    },

    async triggerSchedule(request) {
      const found = await load(request.name);
      const agent = requireAgent(agents, found.agent);
      const now = clock.now();
      const { schedule, task, duplicate } = await store.triggerSchedule({
        name: found.name,
        firing: createFiring(found, now, agent, clock),
        ...triggerKey(request),
        now,
      });
      return { schedule: renderSchedule(schedule), task: renderTask(task), duplicate };
    },

    async deleteSchedule({ name }) {
      const { declared, agent } = await load(name);
      // What an agent has left behind that is not served any more is declared by nobody.
      if (declared && agents.has(agent)) {
        const description = "it goes when its agent does not declare it any more";
        throw new TaskError("SCHEDULE_DECLARED", `agent ${agent} declares schedule ${name}: ${description}`, {
          precondition: { subject: name, description },
        });
      }
      await store.deleteSchedule(name);
      return {};
    },
  };

  async function load(name: string): Promise<ScheduleRecord> {
    const schedule = await store.getSchedule(name);
    if (schedule !== undefined) return schedule;
    throw new TaskError("SCHEDULE_NOT_FOUND", `there is no schedule ${JSON.stringify(name)}`, {
      resource: { type: "schedule", name },
    });
  }
}

/** Makes the key of a trigger: its task keeps it beside those of CreateTask, from which the list tells it apart. */
function triggerKey(request: TriggerScheduleRequest): { request?: RequestKey } {
  const { request: key } = requestKey(TriggerScheduleRequestSchema, request);
  if (key === undefined) return {};
  return { request: { ...key, id: JSON.stringify(["TriggerSchedule", request.name, key.id]) } };
}
