import { readFileSync } from "node:fs";
import { messageOf } from "../message-of.ts";
import type { Option, Options } from "./command.ts";
import { supervisedVariable } from "./supervised.ts";

/** What a setting was given as. */
export interface Given {
  readonly name: string;
  readonly value: string | boolean | readonly string[];
  /** Who gave it, such as `--port` or the path of a file. */
  readonly from: string;
  /** How a mistake in it names it: as `from`, and in a file with the key. */
  readonly label: string;
}

/** One of the places that settings come from. */
export interface Source {
  readonly given: readonly Given[];
  /** Names that are there and that no setting has. */
  readonly unknown: readonly { name: string; label: string }[];
  /** What is wrong besides. */
  readonly mistakes: readonly string[];
  /** Whether it could not be read, so that nobody knows what it says. */
  readonly isUnread?: true;
  /** All names that mean something here, for what is misspelt. */
  readonly names: readonly string[];
}

/** The variables of the environment that people set and that are none of the server's settings. */
const otherVariables = [
  "PIGEONHOLE_SERVER",
  "PIGEONHOLE_TOKEN",
  "PIGEONHOLE_CA",
  "PIGEONHOLE_CERT",
  "PIGEONHOLE_KEY",
  "PIGEONHOLE_CONFIG",
];

/** What Kubernetes sets in every container for a Service that is named `pigeonhole`. */
const serviceVariable = /^PIGEONHOLE_(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)$/;
const serviceAddress = /^(tcp|udp|sctp):\/\//;

/** Takes the settings that the command line has. `values` were parsed by the same table. */
export function fromFlags(
  values: Readonly<Record<string, unknown>>,
  labels: Record<string, string> = {},
): Source {
  const given = Object.entries(values).flatMap(([name, value]) => {
    const label = labels[name] ?? `--${name}`;
    return isGiven(value) ? [{ name, value, from: label, label }] : [];
  });
  return { given, unknown: [], mistakes: [], names: [] };
}

/**
 * Takes settings from the environment: `PIGEONHOLE_MAX_TURNS` is `max-turns`. An empty variable is none; of what may be given several
 * times, commas stand between; booleans are `true` or `false`, or `1` or `0`.
 */
export function fromEnvironment(options: Options, environment: NodeJS.ProcessEnv): Source {
  const names = new Map(Object.keys(options).map((name) => [variableOf(name), name]));
  const given: Given[] = [];
  const unknown: { name: string; label: string }[] = [];
  const mistakes: string[] = [];
  for (const [variable, text] of Object.entries(environment)) {
    if (!variable.startsWith("PIGEONHOLE_") || !text) continue;
    // What --watch sets for the server that it starts, nobody means.
    if (otherVariables.includes(variable) || variable === supervisedVariable) continue;
    if (serviceVariable.test(variable) || serviceAddress.test(text)) continue;
    const name = names.get(variable);
    const option = name === undefined ? undefined : options[name];
    if (name === undefined || option === undefined) {
      unknown.push({ name: variable, label: variable });
      continue;
    }
    const value = readText(option, text);
    if (value !== undefined) given.push({ name, value, from: variable, label: variable });
    else mistakes.push(`${variable} must be true or false, not ${JSON.stringify(text)}`);
  }
  return { given, unknown, mistakes, names: [...names.keys(), ...otherVariables] };
}

/** Takes settings from a file: a JSON object whose keys are the flags' names. */
export function fromFile(options: Options, path: string): Source {
  const none: Source = { given: [], unknown: [], mistakes: [], names: Object.keys(options) };
  const content = readObject(path);
  if (typeof content === "string") return { ...none, mistakes: [`${path}: ${content}`], isUnread: true };
  const given: Given[] = [];
  const unknown: { name: string; label: string }[] = [];
  const mistakes: string[] = [];
  for (const [name, found] of Object.entries(content)) {
    const label = `${path}: ${JSON.stringify(name)}`;
    const option = Object.hasOwn(options, name) ? options[name] : undefined;
    const value = option && readJson(option, found);
    if (option === undefined) unknown.push({ name, label });
    else if (value === undefined) mistakes.push(`${label} must be ${kindOf(option)}`);
    else given.push({ name, value, from: path, label });
  }
  return { ...none, given, unknown, mistakes };
}

function variableOf(name: string): string {
  return `PIGEONHOLE_${name.toUpperCase().replaceAll("-", "_")}`;
}

function readText({ type, multiple }: Option, text: string): Given["value"] | undefined {
  if (type === "boolean")
    return /^(true|1)$/i.test(text) ? true : /^(false|0)$/i.test(text) ? false : undefined;
  if (!multiple) return text;
  return text.split(",").flatMap((item) => (item.trim() === "" ? [] : [item.trim()]));
}

function readJson({ type, multiple }: Option, value: unknown): Given["value"] | undefined {
  if (type === "boolean") return typeof value === "boolean" ? value : undefined;
  if (multiple && Array.isArray(value))
    return value.every((item) => typeof item === "string") ? value : undefined;
  const text = typeof value === "number" ? String(value) : value;
  if (typeof text !== "string") return undefined;
  return multiple ? [text] : text;
}

function kindOf({ type, multiple }: Option): string {
  if (type === "boolean") return "true or false";
  return multiple ? "a list of strings" : "a string or a number";
}

/** Reads a file's JSON object. What is wrong if it has none. */
function readObject(path: string): object | string {
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? value
      : "it must be a JSON object";
  } catch (error) {
    return messageOf(error);
  }
}

function isGiven(value: unknown): value is Given["value"] {
  return typeof value === "string" || typeof value === "boolean" || Array.isArray(value);
}
