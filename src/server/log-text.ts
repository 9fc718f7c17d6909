/** Writes a line of a log, one JSON object, as text: time, level, message, fields as `name=value`, and stacks on lines of their own. */
export function logText(line: string): string {
  const { time, level, message, ...fields }: Record<string, unknown> = JSON.parse(line);
  const stacks: string[] = [];
  const told = Object.entries(fields).map(([name, value]) => `${name}=${textOf(value, stacks)}`);
  const head = [time, String(level).toUpperCase().padEnd(5), message, ...told].join(" ");
  return `${[head, ...stacks].join("\n")}\n`;
}

function textOf(value: unknown, stacks: string[]): string {
  if (typeof value === "string" && /^[\w.:@/+-]+$/.test(value)) return value;
  if (typeof value !== "object" || value === null || !("stack" in value)) return JSON.stringify(value);
  const { stack, ...rest } = value;
  stacks.push(String(stack));
  return JSON.stringify(rest);
}
