import { parseArgs } from "node:util";
import { messageOf } from "../message-of.ts";
import type { Output } from "./output.ts";
import { didYouMean } from "./suggest.ts";
import { UsageError } from "./usage-error.ts";

/** An option of a command. Its name is its key. */
export interface Option {
  readonly type: "string" | "boolean";
  /** Whether it may be given several times. */
  readonly multiple?: true;
  /** What its value is, as help names it. Given for strings only. */
  readonly value?: string;
  /** What it does, in a sentence. */
  readonly summary: string;
  /** All values that it may have. */
  readonly choices?: readonly string[];
  /** What it is when it is not given, as help tells it. */
  readonly defaultValue?: string;
  /** Parses its value, or each of them, for what reads it as a setting. Throws UsageError, with the bounds, if it is out of them. */
  readonly parse?: (name: string, text: string) => unknown;
  /** Whether what it is given must never be shown. */
  readonly secret?: true;
}

export type Options = Readonly<Record<string, Option>>;

/** What options were given as. */
export type Values<O extends Options> = {
  readonly [Name in keyof O]?: O[Name] extends { type: "boolean" }
    ? boolean
    : O[Name] extends { multiple: true }
      ? string[]
      : string;
};

/** What a command is run with. */
export interface Invocation<O extends Options> {
  /** What is given besides options, as many as the command declares. */
  readonly args: readonly string[];
  readonly values: Values<O>;
  readonly output: Output;
}

/** What is said of a command: all of its help, completion and suggestions come from here. */
export interface CommandSpec<O extends Options> {
  /** Its words, as in `task create`. */
  readonly name: string;
  /** What it takes besides options, as in `AGENT [TEXT...]`. What is in brackets may be left out; dots allow several. */
  readonly args: string;
  /** What it does, in a sentence. */
  readonly summary: string;
  /** What else to know, in lines. */
  readonly details?: string;
  readonly options: O;
  /** Runs it. Resolves with its exit code, 0 if with none. */
  run(invocation: Invocation<O>): Promise<number | undefined>;
}

/** A command, whatever its options. */
export interface Command extends Omit<CommandSpec<Options>, "run"> {
  /** Parses what it was given, and runs it. Throws UsageError if that is not as it must be. */
  run(args: string[], output: Output): Promise<number | undefined>;
}

/** The options that every command has. */
export const commonOptions = {
  json: { type: "boolean", summary: "Print one JSON object a line, for scripts." },
  help: { type: "boolean", summary: "Print this help." },
} as const satisfies Options;

/** Makes a command of what is said of it. */
export function defineCommand<const O extends Options>(spec: CommandSpec<O>): Command {
  const { name, args: declared, summary, details, run } = spec;
  const options = { ...spec.options, ...commonOptions };
  return {
    name,
    args: declared,
    summary,
    ...(details !== undefined && { details }),
    options,
    async run(given, output) {
      const { values, args } = parse(given, options);
      checkCount(name, declared, args);
      checkChoices(options, values);
      return await run({ args, values, output });
    },
  };
}

function parse<O extends Options>(given: string[], options: O): { values: Values<O>; args: string[] } {
  const { tokens } = parseArgs({ args: given, options, strict: false, tokens: true });
  const names = Object.keys(options).map((name) => `--${name}`);
  const unknown = tokens.flatMap((token) =>
    token.kind === "option" && !Object.hasOwn(options, token.name)
      ? [`there is no option ${token.rawName}${didYouMean(token.rawName, names)}`]
      : [],
  );
  if (unknown.length > 0) throw new UsageError(unknown.join("\n"));
  try {
    const { values, positionals } = parseArgs({ args: given, options, allowPositionals: true });
    // What parseArgs makes of these options, whose types it cannot tell while they are not known.
    return { values: values as Values<O>, args: positionals };
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
}

function checkCount(name: string, declared: string, args: readonly string[]): void {
  const words = declared === "" ? [] : declared.split(" ");
  const missing = words.filter((word) => !word.startsWith("["))[args.length];
  if (missing !== undefined) throw new UsageError(`${name} needs ${missing.replace("...", "")}`);
  const surplus = args[words.length];
  if (surplus !== undefined && !declared.includes("...")) {
    throw new UsageError(`${name} does not take ${JSON.stringify(surplus)}`);
  }
}

function checkChoices(options: Options, values: Values<Options>): void {
  for (const [name, { choices }] of Object.entries(options)) {
    for (const value of [values[name] ?? []].flat()) {
      if (choices === undefined || choices.includes(String(value))) continue;
      const hint = didYouMean(String(value), choices);
      throw new UsageError(
        `--${name} must be one of ${choices.join(", ")}, not ${JSON.stringify(value)}${hint}`,
      );
    }
  }
}
