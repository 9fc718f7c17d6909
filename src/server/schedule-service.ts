import type { ServiceImpl } from "@connectrpc/connect";
import {
  CreateScheduleRequestSchema,
  type ScheduleService,
  type TriggerScheduleRequest,
  TriggerScheduleRequestSchema,
} from "../proto.ts";
import type { Agent } from "./agent.ts";
import { type Caller, callerKey, ownerToList } from "./auth/index.ts";
import type { Clock } from "./clock.ts";
import { scheduleNotFound, TaskError } from "./errors.ts";
import { findAgent } from "./mailbox/mailbox.ts";
import { requestKey } from "./mailbox/request-key.ts";
import { createPageTokens, pageBounds } from "./page-token.ts";
import { nextAfter } from "./schedules/cron.ts";
import { createFiring } from "./schedules/firing.ts";
import { renderSchedule } from "./schedules/render-schedule.ts";
import { firstTime, scheduleDefinition } from "./schedules/schedule-definition.ts";
import type { RequestKey } from "./store/calls.ts";
import type { ScheduleKey, ScheduleRecord } from "./store/schedule-records.ts";
import type { ScheduleStore } from "./store/schedule-store.ts";
import { renderTask } from "./task-log/render.ts";
import type { TaskQuota } from "./task-quota.ts";

/** How many schedules an owner may have. */
const maxSchedules = 10_000;

export interface ScheduleServiceOptions {
  agents: ReadonlyMap<string, Agent>;
  store: ScheduleStore;
  /** Holds the owners of schedules to a number of unfinished tasks. */
  quota: TaskQuota;
  clock: Clock;
  /** Is told that a schedule may be due earlier than the scheduler knows. */
  onChanged(): void;
}

/** ScheduleService over the store. Its requests have passed validation. */
export function createScheduleService({
  agents,
  store,
  quota,
  clock,
  onChanged,
}: ScheduleServiceOptions): ServiceImpl<typeof ScheduleService> {
  return {
    async createSchedule(request, { values }) {
      const owner = values.get(callerKey).principal.id;
      const agent = findAgent(agents, request.agent, request);
      const definition = scheduleDefinition(request);
      const schedule = await store.createSchedule({
        ...definition,
        ...(owner !== "" && { owner }),
        id: clock.id(),
        nextTime: firstTime(definition.spec, clock.now()),
        paused: request.paused,
        limit: maxSchedules,
        served: agent !== undefined,
        ...requestKey(CreateScheduleRequestSchema, request),
        now: clock.now(),
      });
      onChanged();
      return { schedule: renderSchedule(schedule) };
    },

    async getSchedule(request, { values }) {
      return { schedule: renderSchedule(await load(request, values.get(callerKey))) };
    },

    async listSchedules({ agent, owner: asked, pageSize, pageToken }, { values }) {
      const owner = ownerToList(values.get(callerKey), asked);
      if (owner === "none") return {};
      const tokens = createPageTokens("schedules", [agent, asked], ["string", "string"]);
      const after = tokens.decode(pageToken);
      const { items, more } = await store.listSchedules({
        ...owner,
        ...(agent !== "" && { agent }),
        ...(after && { after: { owner: String(after[0]), name: String(after[1]) } }),
        ...pageBounds(pageSize),
      });
      const last = items.at(-1);
      return {
        schedules: items.map(renderSchedule),
        nextPageToken: more ? tokens.encode([last?.owner ?? "", last?.name ?? ""]) : "",
      };
    },

    async pauseSchedule({ reason, ...request }, { values }) {
      const key = keyOf(await load(request, values.get(callerKey)));
      const now = clock.now();
      const schedule = await store.pauseSchedule({ ...key, ...(reason !== "" && { reason }), now });
      return { schedule: renderSchedule(schedule) };
    },

    async resumeSchedule(request, { values }) {
      const found = await load(request, values.get(callerKey));
      const { spec, settledTime = 0 } = found;
      const now = clock.now();
      // A clock that was set back shows times again that have had their turn.
      const nextTime = nextAfter(spec, Math.max(now, settledTime));
      const args = { ...keyOf(found), ...(nextTime !== undefined && { nextTime }), now };
      const resumed = await store.resumeSchedule(args);
      onChanged();
      return { schedule: renderSchedule(resumed) };
    },

    async triggerSchedule(request, { values }) {
      const found = await load(request, values.get(callerKey));
      const agent = findAgent(agents, found.agent, request);
      const now = clock.now();
      const room = await quota.reserve(found.owner ?? "");
      let made = 0;
      try {
        const { schedule, task, created, duplicate } = await store.triggerSchedule({
          ...keyOf(found),
          firing: createFiring(found, now, agent, clock, room.limit()),
          ...triggerKey(request),
          now,
        });
        made = Number(created && !duplicate);
        return { schedule: renderSchedule(schedule), task: renderTask(task), duplicate };
      } finally {
        room.settle(made);
      }
    },

    async deleteSchedule(request, { values }) {
      const found = await load(request, values.get(callerKey));
      const { name, declared, agent } = found;
      // What an agent has left behind that is not served any more is declared by nobody.
      if (declared && agents.has(agent)) {
        const description = "it goes when its agent does not declare it any more";
        throw new TaskError("SCHEDULE_DECLARED", `agent ${agent} declares schedule ${name}: ${description}`, {
          precondition: { subject: name, description },
        });
      }
      await store.deleteSchedule(keyOf(found));
      return {};
    },
  };

  /** Finds the schedule that a request names: of an owner, or the caller's, or else the server's. Throws SCHEDULE_NOT_FOUND. */
  async function load(
    { name, owner: asked }: { name: string; owner: string },
    { principal, owner }: Caller,
  ): Promise<ScheduleRecord> {
    const theirs = asked === "" ? principal.id : asked;
    const found =
      owner === undefined || owner === theirs ? await store.getSchedule({ name, owner: theirs }) : undefined;
    const mayBeServers = found === undefined && owner === undefined && asked === "" && theirs !== "";
    const schedule = mayBeServers ? await store.getSchedule({ name }) : found;
    if (schedule === undefined) throw scheduleNotFound(name);
    return schedule;
  }
}

function keyOf({ name, owner }: ScheduleRecord): ScheduleKey {
  return { name, ...(owner !== undefined && { owner }) };
}

/** Makes the key of a trigger: its task keeps it beside those of CreateTask, from which the list tells it apart. */
function triggerKey(request: TriggerScheduleRequest): { request?: RequestKey } {
  const { request: key } = requestKey(TriggerScheduleRequestSchema, request);
  if (key === undefined) return {};
  return { request: { ...key, id: JSON.stringify(["TriggerSchedule", request.name, key.id]) } };
}
