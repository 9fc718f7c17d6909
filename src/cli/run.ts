import { ConnectError } from "@connectrpc/connect";
import { PigeonholeError } from "../client/index.ts";
import { messageOf } from "../message-of.ts";
import { commands } from "./commands.ts";
import { exitCodeOf, exitCodes, Stopped } from "./exit-code.ts";
import { findCommand } from "./find-command.ts";
import { commandHelp, groupHelp, overallHelp } from "./help.ts";
import { flagOfLimit } from "./limit-options.ts";
import { createOutput, type Output } from "./output.ts";
import { readOwnPackage } from "./own-package.ts";
import { clean } from "./style.ts";
import { UsageError } from "./usage-error.ts";

const given = process.argv.slice(2);
const output = createOutput(given.includes("--json"));
const exitCode = await main().catch(fail);
process.exit(exitCode);

async function main(): Promise<number> {
  const { command, group, rest, help, version } = findCommand(commands, given);
  if (version) return print(`${readOwnPackage().version}\n`);
  if (help && command !== undefined) return print(commandHelp(command));
  if (help && group === undefined) return print(overallHelp(commands));
  const members = commands.filter(({ name }) => name.startsWith(`${group} `));
  if (help && group !== undefined) return print(groupHelp(group, members));
  if (group !== undefined) {
    const names = members.map(({ name }) => name.slice(group.length + 1));
    throw new UsageError(`${group} needs one of ${names.join(", ")}`);
  }
  if (command === undefined) throw new UsageError("a command is missing");
  return (await command.run(rest, output)) ?? exitCodes.ok;
}

async function print(text: string): Promise<number> {
  await output.write(text);
  return exitCodes.ok;
}

/** Says what went wrong, and resolves with the exit code of it. */
async function fail(error: unknown): Promise<number> {
  const exitCode = exitCodeOf(error);
  if (error instanceof Stopped) return exitCode;
  if (output.json) sayAsJson(error, exitCode, output);
  else sayAsText(error, output);
  return exitCode;
}

function sayAsText(error: unknown, { note }: Output): void {
  note(clean(`pigeonhole: ${messageOf(error)}`));
  if (error instanceof UsageError) note("Try pigeonhole --help.");
  if (!(error instanceof PigeonholeError)) return;
  for (const { field, description } of error.fields) note(clean(`  ${field}: ${description}`));
  if (error.reason === "CONNECTION_LOST" && !isMendedByFlag(error))
    note("Does a server run? --server says where; pigeonhole doctor looks for what is wrong.");
  if (error.reason === "UNRECOGNIZED")
    note("That may be something else than a Pigeonhole of this version. --server says where one is.");
  const flag = flagOfLimit(error.metadata.limit ?? "");
  if (flag !== undefined) note(`That limit is the server's: pigeonhole serve --${flag} sets it.`);
  if (error.reason === "CREDENTIALS_MISSING") note("--token or PIGEONHOLE_TOKEN says who calls.");
}

function sayAsJson(error: unknown, exitCode: number, { note }: Output): void {
  const { reason = "USAGE", fields = [] } = error instanceof PigeonholeError ? error : {};
  const kind = error instanceof PigeonholeError || error instanceof UsageError ? reason : "INTERNAL";
  note(JSON.stringify({ error: { reason: kind, message: messageOf(error), fields, exitCode } }));
}

/** Whether the message says already which option is wrong. */
function isMendedByFlag({ cause }: PigeonholeError): boolean {
  return cause instanceof ConnectError && cause.cause instanceof UsageError;
}
