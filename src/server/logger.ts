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
    write(`${JSON.stringify(entry, (_, value: unknown) => plain(value))}\n`);
  }
}

function plain(value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (!(value instanceof Error)) return value;
  const { name, message, stack, cause } = value;
  return { name, message, stack, ...(cause !== undefined && { cause }) };
}
