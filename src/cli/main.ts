#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { TaskError } from "../server/index.ts";
import { serveCommand } from "./serve-command.ts";
import { UsageError } from "./usage-error.ts";

const usage = `USAGE: pigeonhole serve AGENT... [flags]
Serves agents: modules whose default export is defineAgent({ ... }), or a list of several.

Flags:
  --port <number>        The port to listen on, 0 for any that is free. Default 8080.
  --host <address>       The address to listen on. Default 127.0.0.1.
  --store <url>          Where events, logs and state are kept: sqlite:PATH or memory:. Default sqlite:./pigeonhole.db.
  --cors-origin <origin> An origin whose pages may call from a browser, or *. May be given several times.
  --max-turns <number>   The most turns that run at once. Default 1000.
  --drain <seconds>      How long turns may go on after SIGTERM or SIGINT. Default 10.
  --version              Print the version.
  --help                 Print this help.
`;

const flags = {
  port: { type: "string" },
  host: { type: "string" },
  store: { type: "string" },
  "cors-origin": { type: "string", multiple: true },
  "max-turns": { type: "string" },
  drain: { type: "string" },
  version: { type: "boolean" },
  help: { type: "boolean" },
} as const;

try {
  await main(process.argv.slice(2));
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`pigeonhole: ${message}\n`);
  if (isUsage(error)) process.stderr.write("Try pigeonhole --help.\n");
  process.exit(isUsage(error) ? 2 : 1);
}

async function main(args: string[]): Promise<void> {
  const { values, positionals } = parse(args);
  if (values.version) return print(`${version()}\n`);
  if (values.help) return print(usage);
  const [command, ...rest] = positionals;
  if (command === undefined) throw new UsageError("a command is missing");
  if (command !== "serve") throw new UsageError(`there is no command ${JSON.stringify(command)}`);
  await serveCommand(rest, values);
}

function parse(args: string[]) {
  try {
    return parseArgs({ args, options: flags, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** Whether what is wrong is what the caller said, and not what came of it. */
function isUsage(error: unknown): boolean {
  return error instanceof UsageError || (error instanceof TaskError && error.reason === "VALUE_INVALID");
}

function version(): string {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  return version;
}

function print(text: string): void {
  process.stdout.write(text);
}
