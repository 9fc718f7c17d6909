import { parseArgs } from "node:util";
import { type Command, commonOptions, type Options } from "./command.ts";
import { didYouMean } from "./suggest.ts";
import { UsageError } from "./usage-error.ts";

/** What a command line asks for. */
export interface FoundCommand {
  /** The command. Undefined if none is named, or only the first word of several. */
  command: Command | undefined;
  /** The first word of several commands, where only that is given. */
  group: string | undefined;
  /** What the command is given: all but its name. */
  rest: string[];
  help: boolean;
  json: boolean;
  version: boolean;
}

/** Finds the command among what is given. Options may stand before it. Throws UsageError if there is none of that name. */
export function findCommand(commands: readonly Command[], given: string[]): FoundCommand {
  // Every option of every command, so that the value of one that stands before the name is not taken for it.
  const all: Options = Object.assign({}, commonOptions, ...commands.map(({ options }) => options));
  const options = { ...all, version: { type: "boolean" as const } };
  const { tokens, values } = parseArgs({ args: given, options, strict: false, tokens: true });
  const words = tokens.filter((token) => token.kind === "positional");
  const asksForHelp = words[0]?.value === "help";
  const [first, second] = asksForHelp ? words.slice(1) : words;
  const flags = {
    help: asksForHelp || values.help === true,
    json: values.json === true,
    version: values.version === true,
  };
  const none = { command: undefined, group: undefined, rest: given, ...flags };
  if (first === undefined) return none;
  const one = commands.find(({ name }) => name === first.value);
  if (one !== undefined) return { ...none, command: one, rest: without(given, first.index) };
  const group = commands.filter(({ name }) => name.startsWith(`${first.value} `));
  if (group.length === 0) throw unknown(first.value, commands);
  if (second === undefined) return { ...none, group: first.value };
  const two = group.find(({ name }) => name === `${first.value} ${second.value}`);
  if (two === undefined) throw unknown(`${first.value} ${second.value}`, commands);
  return { ...none, command: two, rest: without(given, first.index, second.index) };
}

function without(given: readonly string[], ...indexes: number[]): string[] {
  return given.filter((_, index) => !indexes.includes(index));
}

/** What commands are called elsewhere, by the last of their words. */
const synonyms: Readonly<Record<string, readonly string[]>> = {
  show: ["get", "watch"],
  describe: ["get"],
  info: ["get"],
  status: ["get"],
  follow: ["watch"],
  tail: ["watch"],
  logs: ["watch"],
  ls: ["list"],
  new: ["create"],
  add: ["create"],
  make: ["create"],
  stop: ["cancel", "pause"],
  kill: ["cancel"],
  start: ["resume", "serve"],
  run: ["trigger", "serve"],
  rm: ["delete", "revoke"],
  remove: ["delete", "revoke"],
};

function unknown(name: string, commands: readonly Command[]): UsageError {
  const names = commands.flatMap(({ name }) => [name, name.split(" ")[0] ?? name]);
  const [, before = "", last = ""] = /^(.* )?(.*)$/s.exec(name) ?? [];
  const meant = Object.hasOwn(synonyms, last) ? synonyms[last] : undefined;
  // What is of tasks is a command by itself as often as it is not: `send`, and `task get`.
  const same = [...(meant ?? []).map((word) => before + word), last].filter((word) => names.includes(word));
  const hint = same.length === 0 ? didYouMean(name, names) : `; did you mean ${same.join(" or ")}?`;
  return new UsageError(`there is no command ${JSON.stringify(name)}${hint}`);
}
