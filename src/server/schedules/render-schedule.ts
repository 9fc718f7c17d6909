import { create, fromBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { EventInputSchema, Missed, Overlap, type Schedule, ScheduleSchema } from "../../proto.ts";
import type { MissedPolicy, OverlapPolicy, ScheduleRecord } from "../store/schedule-records.ts";
import { structOf } from "../struct.ts";

const missed: Record<MissedPolicy, Missed> = {
  skip: Missed.SKIP,
  latest: Missed.LATEST,
  all: Missed.ALL,
};
const overlap: Record<OverlapPolicy, Overlap> = {
  allow: Overlap.ALLOW,
  skip: Overlap.SKIP,
  replace: Overlap.REPLACE,
};

/** Renders a schedule as the protocol shows it. */
export function renderSchedule(record: ScheduleRecord): Schedule {
  const { spec, action } = record;
  return create(ScheduleSchema, {
    name: record.name,
    owner: record.owner ?? "",
    agent: record.agent,
    spec: {
      cron: spec.cron,
      timeZone: spec.timeZone,
      missed: missed[spec.missed],
      overlap: overlap[spec.overlap],
    },
    action: {
      taskName: action.taskName ?? "",
      ...(action.params && { params: structOf(action.params) }),
      labels: action.labels,
      ...(action.event && { event: fromBinary(EventInputSchema, action.event) }),
    },
    paused: record.paused,
    pauseReason: record.pauseReason ?? "",
    declared: record.declared,
    ...(record.nextTime !== undefined && { nextTime: timestampFromMs(record.nextTime) }),
    ...(record.lastTime !== undefined && { lastTime: timestampFromMs(record.lastTime) }),
    lastTaskId: record.lastTaskId ?? "",
    fired: BigInt(record.fired),
    skipped: BigInt(record.skipped),
    lastError: record.lastError ?? "",
    createTime: timestampFromMs(record.createTime),
    updateTime: timestampFromMs(record.updateTime),
  });
}
