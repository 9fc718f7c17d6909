import type { DescMessage } from "@bufbuild/protobuf";
import { create, type MessageShape } from "@bufbuild/protobuf";
import { Missed, Overlap, ScheduleActionSchema, ScheduleSpecSchema } from "../../proto.ts";
import type { Agent, AgentDefinition, DeclaredSchedule } from "../agent.ts";
import type { Clock } from "../clock.ts";
import { hasReason, TaskError } from "../errors.ts";
import { parseContent } from "../mailbox/content.ts";
import { requireJson } from "../mailbox/json-value.ts";
import type { ScheduleDefinition } from "../store/schedule-records.ts";
import type { ScheduleStore } from "../store/schedule-store.ts";
import { violations } from "../validation/index.ts";
import { firstTime, scheduleDefinition } from "./schedule-definition.ts";

const missed = { skip: Missed.SKIP, latest: Missed.LATEST, all: Missed.ALL };
const overlap = { allow: Overlap.ALLOW, skip: Overlap.SKIP, replace: Overlap.REPLACE };

/** Makes the definitions of the schedules that an agent declares. Throws VALUE_INVALID that names what is out of its bounds. */
export function declaredSchedules({ name: agent, schedules = {} }: AgentDefinition): ScheduleDefinition[] {
  return Object.entries(schedules).map(([name, declared]) => {
    try {
      return definitionOf(agent, name, declared);
    } catch (error) {
      if (!hasReason(error, "FIELD_INVALID", "VALUE_INVALID")) throw error;
      const message = `an agent's schedules.${name}: ${error.message}`;
      throw new TaskError("VALUE_INVALID", message, error.details, { cause: error });
    }
  });
}

/** Makes what the agents of a server declare the declared schedules of the store. */
export async function declareSchedules(
  store: Pick<ScheduleStore, "declareSchedules">,
  agents: ReadonlyMap<string, Agent>,
  clock: Clock,
): Promise<void> {
  const now = clock.now();
  const schedules = [...agents.values()]
    .flatMap(declaredSchedules)
    .map((schedule) => ({ ...schedule, id: clock.id(), nextTime: firstTime(schedule.spec, now) }));
  await store.declareSchedules({ agents: [...agents.keys()], schedules, now });
}

function definitionOf(agent: string, name: string, declared: DeclaredSchedule): ScheduleDefinition {
  requireShape(declared);
  const spec = create(ScheduleSpecSchema, {
    cron: declared.cron,
    timeZone: declared.timeZone ?? "",
    missed: known("missed", missed, declared.missed ?? "latest"),
    overlap: known("overlap", overlap, declared.overlap ?? "allow"),
  });
  requireValid(ScheduleSpecSchema, spec, "spec");
  const action = create(ScheduleActionSchema, {
    taskName: declared.task ?? "",
    ...(declared.params && { params: declared.params }),
    labels: { ...declared.labels },
    event: { parts: parseContent(declared.content ?? name), type: declared.type ?? "" },
  });
  requireValid(ScheduleActionSchema, action, "action");
  return scheduleDefinition({ name: `${agent}/${name}`, agent, spec, action });
}

/** Checks what the types say, for whom they do not check it. Throws VALUE_INVALID. */
function requireShape(declared: unknown): void {
  if (typeof declared !== "object" || declared === null) throw invalid("it", "must be an object");
  const { params = {}, labels = {}, ...texts } = declared as Partial<DeclaredSchedule>;
  for (const field of ["cron", "timeZone", "missed", "overlap", "task", "type"] as const) {
    const value: unknown = texts[field] ?? "";
    if (typeof value !== "string") throw invalid(field, "must be a string");
  }
  for (const [field, value] of Object.entries({ params, labels })) {
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw invalid(field, "must be an object");
    requireJson(value, field);
  }
  for (const [key, value] of Object.entries(labels)) {
    if (typeof value !== "string") throw invalid(`labels[${JSON.stringify(key)}]`, "must be a string");
  }
}

function known<T>(field: string, values: Record<string, T>, value: string): T {
  const found = Object.hasOwn(values, value) ? values[value] : undefined;
  if (found !== undefined) return found;
  throw invalid(`spec.${field}`, `must be one of ${Object.keys(values).join(", ")}`);
}

function requireValid<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
  path: string,
): void {
  const [violation] = violations(schema, message);
  if (violation !== undefined) throw invalid(`${path}.${violation.field}`, violation.description);
}

function invalid(field: string, description: string): TaskError {
  return new TaskError("VALUE_INVALID", `${field}: ${description}`, { fields: [{ field, description }] });
}
