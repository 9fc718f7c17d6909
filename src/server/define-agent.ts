import type { Agent, AgentDefinition } from "./agent.ts";
import { TaskError } from "./errors.ts";
import { declaredSchedules } from "./schedules/declared-schedules.ts";
import type { Millis } from "./store/records.ts";

const day: Millis = 86_400_000;
/** The longest time that anything may be kept or put off: 3,660 days. */
export const maxTimeAhead: Millis = 3660 * day;

const handlers = ["onTaskCreate", "onTaskEventSend", "onTaskEventBatch", "onTaskCancel"] as const;
/** What else is taken from a definition as it is. */
const plainFields = ["name", "description", "turnTimeout", "retention", "webhooks", "schedules"] as const;

/** Checks a definition and makes its agent. Throws VALUE_INVALID that names what is out of its bounds. */
export function defineAgent(definition: AgentDefinition): Agent {
  const { name, mailbox = {}, retry = {} } = definition;
  requireName("name", name, /^[a-z][a-z0-9-]{0,62}$/, "a-z, 0-9 and -, and begin with a letter");
  requireHandlers(definition);
  requireKnown("onBusy", definition.onBusy, ["queue", "interrupt", "reject", "steer"]);
  if (retry.isFinal !== undefined && typeof retry.isFinal !== "function") {
    throw invalid("retry.isFinal", "must be a function");
  }
  requireKnown("retry.onExhausted", retry.onExhausted, ["dead-letter", "pause", "fail"]);
  for (const [hook, webhook] of Object.entries(definition.webhooks ?? {})) {
    requireName(`webhooks.${hook}`, hook, /^[a-z0-9-]{1,63}$/, "a-z, 0-9 and -");
    for (const part of ["verify", "route"] as const) {
      if (typeof webhook?.[part] !== "function")
        throw invalid(`webhooks.${hook}.${part}`, "must be a function");
    }
  }
  for (const schedule of Object.keys(definition.schedules ?? {})) {
    requireName(
      `schedules.${schedule}`,
      schedule,
      /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/,
      "a-z, A-Z, 0-9, ., _ and -",
    );
  }
  declaredSchedules(definition);
  within("turnTimeout", definition.turnTimeout ?? day, 1, day);
  within("retention", definition.retention ?? 0, 0, maxTimeAhead);
  return {
    ...definition,
    ...inherited(definition),
    mailbox: {
      maxPending: within("mailbox.maxPending", mailbox.maxPending ?? 10_000, 1, 1_000_000),
      parallel: within("mailbox.parallel", mailbox.parallel ?? 1, 1, 1000),
      ...(mailbox.batch && {
        batch: {
          max: within("mailbox.batch.max", mailbox.batch.max, 1, 1000),
          wait: within("mailbox.batch.wait", mailbox.batch.wait, 0, day),
        },
      }),
    },
    onBusy: definition.onBusy ?? "queue",
    retry: {
      ...retry,
      maxAttempts: within("retry.maxAttempts", retry.maxAttempts ?? 5, 1, 100),
      initialBackoff: within("retry.initialBackoff", retry.initialBackoff ?? 1000, 1, day),
      maxBackoff: within("retry.maxBackoff", retry.maxBackoff ?? 60_000, 1, day),
      onExhausted: retry.onExhausted ?? "dead-letter",
    },
    cancelGrace: within("cancelGrace", definition.cancelGrace ?? 5000, 0, 600_000),
    keepDeltas: within("keepDeltas", definition.keepDeltas ?? 3_600_000, 0, maxTimeAhead),
    stateHistory: within("stateHistory", definition.stateHistory ?? 10, 0, 1000),
  };
}

/** What a definition has of its class, and a copy of it would not have. Its handlers are called on the definition. */
function inherited(definition: AgentDefinition): Partial<AgentDefinition> {
  const isInherited = (name: string) => name in definition && !Object.hasOwn(definition, name);
  return Object.fromEntries([
    ...plainFields.filter(isInherited).map((name) => [name, definition[name]]),
    ...handlers.filter(isInherited).map((name) => [name, definition[name]?.bind(definition)]),
  ]);
}

function requireHandlers(definition: AgentDefinition): void {
  for (const handler of handlers) {
    if (definition[handler] !== undefined && typeof definition[handler] !== "function") {
      throw invalid(handler, "must be a function");
    }
  }
  const batch = definition.mailbox?.batch !== undefined;
  if (batch !== (definition.onTaskEventBatch !== undefined)) {
    throw invalid("onTaskEventBatch", "and mailbox.batch go together: one is there without the other");
  }
  if (batch === (definition.onTaskEventSend !== undefined)) {
    throw invalid("onTaskEventSend", batch ? "does not go with mailbox.batch" : "must be a function");
  }
}

function requireName(field: string, name: unknown, pattern: RegExp, characters: string): void {
  if (typeof name === "string" && pattern.test(name)) return;
  throw invalid(field, `must have 1 to 63 characters of ${characters}`);
}

function requireKnown(field: string, value: string | undefined, known: readonly string[]): void {
  if (value === undefined || known.includes(value)) return;
  throw invalid(field, `must be one of ${known.join(", ")}, not ${JSON.stringify(value)}`);
}

function within(field: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw invalid(field, `must be a whole number from ${min} to ${max}`);
}

function invalid(field: string, description: string): TaskError {
  return new TaskError("VALUE_INVALID", `an agent's ${field} ${description}`, {
    fields: [{ field, description }],
  });
}
