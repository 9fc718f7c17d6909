import { createClient, type Transport } from "@connectrpc/connect";
import {
  CreateScheduleRequestSchema,
  type Schedule,
  ScheduleService,
  type TriggerScheduleResponse,
} from "../proto.ts";
import { createRequest } from "./create-request.ts";
import { parseEventContent } from "./event-content.ts";
import { readPages } from "./read-pages.ts";
import { createRequestId } from "./request-id.ts";
import { requireField, type With } from "./required-field.ts";
import { type RetryPolicy, retry } from "./retry.ts";
import type { NewSchedule, PauseOptions, ScheduleFilters, ScheduleOwner } from "./schedule-options.ts";
import type { ReadOptions, WriteOptions } from "./task-options.ts";

/** Makes recurring schedules, and rules them. Rejects, throws and tries again as TasksClient does. */
export interface SchedulesClient {
  /** Makes a schedule. Rejects with `SCHEDULE_EXISTS`, `AGENT_NOT_FOUND`, `FIELD_INVALID`, `LIMIT_REACHED`. */
  create(schedule: NewSchedule, options?: ReadOptions): Promise<Schedule>;
  /** Gets a schedule. Rejects with `SCHEDULE_NOT_FOUND`. */
  get(name: string, options?: ReadOptions & ScheduleOwner): Promise<Schedule>;
  /** Lists schedules, by owner and name. Reads on page by page as it is iterated. */
  list(filters?: ScheduleFilters): AsyncIterable<Schedule>;
  /** Pauses a schedule: it does not fire until it is resumed. Rejects with `SCHEDULE_NOT_FOUND`. */
  pause(name: string, options?: PauseOptions): Promise<Schedule>;
  /** Resumes a schedule with the next time that is ahead. Rejects with `SCHEDULE_NOT_FOUND`. */
  resume(name: string, options?: ReadOptions & ScheduleOwner): Promise<Schedule>;
  /** Fires a schedule now, beside its times. Rejects with `SCHEDULE_NOT_FOUND`, or as `tasks.send` does. */
  trigger(
    name: string,
    options?: WriteOptions & ScheduleOwner,
  ): Promise<With<TriggerScheduleResponse, "schedule" | "task">>;
  /**
   * Deletes a schedule. Rejects with `SCHEDULE_DECLARED`, or with `SCHEDULE_NOT_FOUND`, which may also tell that an earlier try has
   * deleted it.
   */
  delete(name: string, options?: ReadOptions & ScheduleOwner): Promise<void>;
}

/** Makes a SchedulesClient over a transport. */
export function createSchedulesClient(transport: Transport, policy: RetryPolicy): SchedulesClient {
  const rpc = createClient(ScheduleService, transport);
  return {
    async create(schedule, { signal } = {}) {
      const request = requestOf(schedule);
      return scheduleOf(await retry(policy, signal, (call) => rpc.createSchedule(request, call)));
    },

    async get(name, { signal, owner = "" } = {}) {
      return scheduleOf(await retry(policy, signal, (call) => rpc.getSchedule({ name, owner }, call)));
    },

    list: ({ signal, ...filters } = {}) =>
      readPages(signal, async (pageToken) => {
        const request = { ...filters, pageToken };
        const response = await retry(policy, signal, (call) => rpc.listSchedules(request, call));
        return { items: response.schedules, nextPageToken: response.nextPageToken };
      }),

    async pause(name, { signal, owner = "", reason = "" } = {}) {
      return scheduleOf(
        await retry(policy, signal, (call) => rpc.pauseSchedule({ name, owner, reason }, call)),
      );
    },

    async resume(name, { signal, owner = "" } = {}) {
      return scheduleOf(await retry(policy, signal, (call) => rpc.resumeSchedule({ name, owner }, call)));
    },

    async trigger(name, { signal, owner = "", requestId = createRequestId() } = {}) {
      const response = await retry(policy, signal, (call) =>
        rpc.triggerSchedule({ name, owner, requestId }, call),
      );
      return requireField(requireField(response, "schedule"), "task");
    },

    async delete(name, { signal, owner = "" } = {}) {
      await retry(policy, signal, (call) => rpc.deleteSchedule({ name, owner }, call));
    },
  };
}

function requestOf({ requestId = createRequestId(), ...schedule }: NewSchedule) {
  const { name, agent, paused = false, cron, timeZone, missed, overlap } = schedule;
  const { taskName, params, labels, event } = schedule;
  return createRequest(CreateScheduleRequestSchema, {
    name,
    agent,
    spec: {
      cron,
      ...(timeZone !== undefined && { timeZone }),
      ...(missed !== undefined && { missed }),
      ...(overlap !== undefined && { overlap }),
    },
    action: {
      ...(taskName !== undefined && { taskName }),
      ...(params && { params }),
      ...(labels && { labels }),
      ...(event !== undefined && { event: parseEventContent(event) }),
    },
    paused,
    requestId,
  });
}

function scheduleOf(response: { schedule?: Schedule | undefined }): Schedule {
  return requireField(response, "schedule").schedule;
}
