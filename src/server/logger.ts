import { inspect } from "node:util";
import type { Logger } from "./agent.ts";

/** Makes a log that writes one JSON object a line: time, level, message, and the fields given; errors with their stacks. */
export function createLogger(write: (line: string) => void): Logger {
  return {
    info: (message, fields) => log("info", message, fields),
    warn: (message, fields) => log("warn", message, fields),
    error: (message, fields) => log("error", message, fields),
  };

  function log(level: string, message: string, fields: Record<string, unknown> = {}): void {
    const entry = { time: new Date().toISOString(), level, message, ...fields };
    write(`${encode(entry)}\n`);
  }
}

/** Encodes an entry as JSON, or, where it cannot be, what can be said of it: a log never fails those who write to it. */
function encode({ time, level, message, ...fields }: Record<string, unknown>): string {
  try {
    return JSON.stringify({ time, level, message, ...fields }, (_, value: unknown) => plain(value));
  } catch {
    return JSON.stringify({ time, level, message, fields: inspect(fields, { depth: 4 }) });
  }
}

function plain(value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (!(value instanceof Error)) return value;
  const { name, message, stack, cause } = value;
  return { name, message, stack, ...(cause !== undefined && { cause }) };
}
