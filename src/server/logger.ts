import { trace } from "@opentelemetry/api";
import { pino } from "pino";
import type { Logger } from "./agent.ts";
import { TaskError } from "./errors.ts";
import { createLogOutput } from "./log-output.ts";
import { logText } from "./log-text.ts";

export const logLevels = ["debug", "info", "warn", "error", "silent"] as const;
export const logFormats = ["json", "text"] as const;

/** From which level on lines are written; `silent`: none. */
export type LogLevel = (typeof logLevels)[number];
/** How a line is written: as one JSON object, or as text for people. */
export type LogFormat = (typeof logFormats)[number];

export interface LoggerOptions {
  /** Default `info`. */
  level?: LogLevel;
  /** Default `json`. */
  format?: LogFormat;
  /** Takes the lines, each with its end. It must not throw. Default: stderr, which nothing waits for. */
  write?: (line: string) => void;
}

/** How many causes of an error are told, the one of the other. */
const maxCauses = 4;

/**
 * Makes a log that writes a line for each entry: time, level, message, the fields given, errors with their stacks and causes, and the trace
 * and span that run, if any do. A field that cannot be written is told as such: a log never fails those who write to it. Throws
 * VALUE_INVALID if there is no such level or format.
 */
export function createLogger({ level = "info", format = "json", write }: LoggerOptions = {}): Logger {
  requireKnown("level", level, logLevels);
  requireKnown("format", format, logFormats);
  const lineOf = format === "json" ? (line: string) => line : logText;
  const output = write ?? createLogOutput(process.stderr, lineOf);
  const log = pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }), log: plainLine },
      mixin: runningSpan,
    },
    { write: (line: string) => output(lineOf(line)) },
  );
  return {
    // As a field, because pino would put it behind all others.
    ...(log.isLevelEnabled("debug") && {
      debug: (message: string, fields?: Record<string, unknown>) => log.debug({ message, fields }),
    }),
    info: (message, fields) => log.info({ message, fields }),
    warn: (message, fields) => log.warn({ message, fields }),
    error: (message, fields) => log.error({ message, fields }),
  };
}

function requireKnown(name: string, value: string, known: readonly string[]): void {
  if (known.includes(value)) return;
  throw new TaskError(
    "VALUE_INVALID",
    `the log's ${name} must be one of ${known.join(", ")}, not ${JSON.stringify(value)}`,
  );
}

function runningSpan(): { traceId?: string; spanId?: string } {
  const span = trace.getActiveSpan()?.spanContext();
  return span === undefined ? {} : { traceId: span.traceId, spanId: span.spanId };
}

/** The line's own fields. Another of such a name would be a second one, and which of the two is read depends on who reads. */
const own = ["time", "level", "message"];

/** Puts the fields that were given behind the line's own. One that cannot be read is told as such. */
function plainLine({ fields, ...line }: { fields?: Record<string, unknown> }): Record<string, unknown> {
  const given = fields ?? {};
  const plainFields = Object.keys(given).map((key) => [
    own.includes(key) ? `${key}_` : key,
    readable(() => plain(given[key], maxCauses)),
  ]);
  return { ...line, ...Object.fromEntries(plainFields) };
}

function readable(read: () => unknown): unknown {
  try {
    return read();
  } catch {
    return "[it cannot be read]";
  }
}

/** Errors say nothing as JSON. Of what else hangs on one, which may be anything that it was about, nothing is told. */
function plain(value: unknown, causes: number): unknown {
  if (typeof value === "bigint") return value.toString();
  if (!(value instanceof Error)) return value;
  const { name, message, stack, cause } = value;
  const more = cause !== undefined && causes > 0 ? { cause: plain(cause, causes - 1) } : {};
  return { name, message, stack, ...more };
}
