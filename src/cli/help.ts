import type { Command, Options } from "./command.ts";

/** How wide help is, in characters. */
const width = 100;

/** Makes the help of everything. */
export function overallHelp(commands: readonly Command[]): string {
  const rows = commands.map(({ name, args, summary }): [string, string] => [
    `${name} ${args}`.trim(),
    summary,
  ]);
  return `USAGE: pigeonhole COMMAND [options]
Durable mailboxes for AI agents. TASK is a task's id, or its name.

Commands:
${columns(rows)}
Every command has --help, and --json, which prints one JSON object a line. The server is at --server or
PIGEONHOLE_SERVER, by default http://127.0.0.1:8080; --token or PIGEONHOLE_TOKEN goes with every call.

Exit codes: 0 done, 1 failure, 2 usage, 3 not found, 4 unavailable, 5 refused, 6 the task failed, 7 the task was
cancelled, 8 not settled in time, 9 not allowed, 130 interrupted.
`;
}

/** Makes the help of the commands that begin with a word, such as `task`. */
export function groupHelp(group: string, commands: readonly Command[]): string {
  const rows = commands.map(({ name, args, summary }): [string, string] => [
    `${name} ${args}`.trim(),
    summary,
  ]);
  return `USAGE: pigeonhole ${group} COMMAND [options]\n\nCommands:\n${columns(rows)}`;
}

/** Makes the help of a command. */
export function commandHelp({ name, args, summary, details, options }: Command): string {
  const usage = ["pigeonhole", name, args, "[options]"].filter((word) => word !== "").join(" ");
  return `USAGE: ${usage}\n${summary}\n${details === undefined ? "" : `${details}\n`}\nOptions:\n${optionRows(options)}`;
}

function optionRows(options: Options): string {
  const rows = Object.entries(options).map(
    ([name, { value, summary, multiple, defaultValue }]): [string, string] => [
      `--${name}${value === undefined ? "" : ` <${value}>`}`,
      `${summary}${multiple ? " May be given several times." : ""}${defaultValue === undefined ? "" : ` Default ${defaultValue}.`}`,
    ],
  );
  return columns(rows);
}

/** Puts names beside what they mean, which is wrapped. */
function columns(rows: readonly [string, string][]): string {
  const left = Math.max(...rows.map(([name]) => name.length)) + 4;
  return rows
    .map(([name, text]) => `  ${name}`.padEnd(left) + wrap(text, width - left).join(`\n${" ".repeat(left)}`))
    .map((line) => `${line}\n`)
    .join("");
}

function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < columns)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
