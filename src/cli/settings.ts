import type { Option, Options } from "./command.ts";
import type { Given, Source } from "./setting-sources.ts";
import { didYouMean } from "./suggest.ts";
import { UsageError } from "./usage-error.ts";

/** What a setting is once it is parsed. */
type SettingValue<O extends Option> = O extends { type: "boolean" }
  ? boolean
  : O extends { multiple: true }
    ? readonly Parsed<O>[]
    : Parsed<O>;

type Parsed<O extends Option> = O extends { parse: (name: string, text: string) => infer T } ? T : string;

/** What settings are: those that nobody gave are left out. */
export type SettingValues<O extends Options> = { readonly [Name in keyof O]?: SettingValue<O[Name]> };

/** A setting, what it is, and who says so. */
export interface Setting {
  readonly name: string;
  /** Undefined if there is none, and where a secret would be. */
  readonly value: unknown;
  /** Such as `--port`, `PIGEONHOLE_PORT`, the path of a file, or `default`. */
  readonly from: string;
}

export interface Settings<O extends Options> {
  readonly values: SettingValues<O>;
  /** All settings in the order of their table, with their defaults, fit to be shown. */
  readonly shown: readonly Setting[];
}

/**
 * Takes each setting from the first of the sources that has it, and parses it.
 *
 * Throws one UsageError that tells every mistake in all sources, also in values that another source takes the place of, so that none waits
 * to be found until the other is taken away. `check` tells what is wrong with them together, where all of them are known.
 */
export function resolveSettings<O extends Options>(
  options: O,
  sources: readonly Source[],
  check: (values: SettingValues<O>) => string[],
): Settings<O> {
  const mistakes: string[] = [];
  const values: Record<string, unknown> = {};
  const shown: Setting[] = [];
  for (const [name, option] of Object.entries(options)) {
    const found = sources.flatMap(({ given }) => given.filter((one) => one.name === name));
    const parsed = found.map((given) => ({ value: parse(option, given, mistakes), from: given.from }));
    const [first] = parsed;
    if (first !== undefined) values[name] = first.value;
    shown.push({
      name,
      ...(first === undefined ? fallback(option) : { ...first, ...concealed(option, first.value) }),
    });
  }
  mistakes.push(...sources.flatMap(unknownNames));
  mistakes.push(...sources.flatMap((source) => source.mistakes));
  // What the table says that each is parsed into.
  const settled = values as SettingValues<O>;
  if (!sources.some(({ isUnread }) => isUnread)) mistakes.push(...check(settled));
  if (mistakes.length > 0) throw new UsageError(tell(mistakes));
  return { values: settled, shown };
}

function fallback({ type, multiple, defaultValue }: Option): Omit<Setting, "name"> {
  const value = type === "boolean" ? false : multiple ? [] : defaultValue;
  return { value, from: "default" };
}

/** What is shown in place of a secret. Also what stands before the @ of a URL is one. */
function concealed({ secret }: Option, value: unknown): { value: unknown } {
  if (secret) return { value: undefined };
  return { value: typeof value === "string" ? value.replace(/(\/\/)[^/?#]*@/, "$1***@") : value };
}

/** Parses what was given. Undefined, and a mistake more, if it is wrong. */
function parse(option: Option, given: Given, mistakes: string[]): unknown {
  const { name, label, value } = given;
  if (typeof value === "boolean") return value;
  const one = (text: string): unknown => {
    try {
      // Such as a shell makes of a variable that is not set. Node takes an empty address for all that there are.
      if (text === "") throw new UsageError(`--${name} must not be empty`);
      checkChoice(name, option, text);
      return option.parse === undefined ? text : option.parse(name, text);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      // Parsers name the flag.
      const message = option.secret ? `--${name} is not as it must be` : error.message;
      mistakes.push(message.replace(`--${name}`, () => label));
      return undefined;
    }
  };
  return typeof value === "string" ? one(value) : value.map(one);
}

function checkChoice(name: string, { choices }: Option, text: string): void {
  if (choices === undefined || choices.includes(text)) return;
  const hint = didYouMean(text, choices);
  throw new UsageError(`--${name} must be one of ${choices.join(", ")}, not ${JSON.stringify(text)}${hint}`);
}

function unknownNames({ unknown, names }: Source): string[] {
  return unknown.map(({ name, label }) => `${label} is no setting${didYouMean(name, names)}`);
}

function tell(mistakes: readonly string[]): string {
  if (mistakes.length === 1) return mistakes.join();
  return `there are ${mistakes.length} mistakes:\n${mistakes.map((mistake) => `  ${mistake}`).join("\n")}`;
}
