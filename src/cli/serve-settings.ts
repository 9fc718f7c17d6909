import { TaskError } from "../server/errors.ts";
import { requireSafeAddress } from "../server/require-safe-address.ts";
import { authOptions } from "./auth-options.ts";
import type { Options } from "./command.ts";
import { portClashes } from "./listen-places.ts";
import { type ServeSettings, serveOptions } from "./serve-options.ts";
import { fromEnvironment, fromFile, fromFlags } from "./setting-sources.ts";
import { resolveSettings, type Setting, type SettingValues } from "./settings.ts";
import { tlsFiles } from "./tls-files.ts";
import { UsageError } from "./usage-error.ts";

/** All that a server is told when it starts. */
export interface ServeConfiguration {
  /** The paths of its agents, at least one. */
  readonly agents: readonly string[];
  readonly settings: ServeSettings;
  /** The settings with where each comes from. */
  readonly shown: readonly Setting[];
  /** The file that they were read from, if there is one. */
  readonly file: string | undefined;
}

const settings = {
  agents: { type: "string", multiple: true, summary: "The modules of the agents." },
  ...serveOptions,
} as const satisfies Options;

/**
 * Reads the settings of what serves: from the command line, or else the environment, or else the file that `--config` or PIGEONHOLE_CONFIG
 * names. Paths are relative to the working directory, wherever they stand. Throws one UsageError that tells all mistakes.
 */
export function readServeSettings(
  args: readonly string[],
  { config, watch, ...flags }: Readonly<Record<string, unknown>>,
  environment: NodeJS.ProcessEnv,
): ServeConfiguration {
  const named = Object.entries(flags).filter(([name]) => Object.hasOwn(serveOptions, name));
  const given = { ...(args.length > 0 && { agents: args }), ...Object.fromEntries(named) };
  const file = typeof config === "string" ? config : environment.PIGEONHOLE_CONFIG || undefined;
  const sources = [
    fromFlags(given, { agents: "the command line" }),
    fromEnvironment(settings, environment),
    ...(file === undefined ? [] : [fromFile(settings, file)]),
    ...(watch === true ? [whileWatched] : []),
  ];
  const { values, shown } = resolveSettings(settings, sources, (found) =>
    checkTogether(found, watch === true),
  );
  const { agents = [], ...rest } = values;
  return { agents, settings: rest, shown, file };
}

function checkTogether(
  { agents = [], ...values }: SettingValues<typeof settings>,
  isWatched: boolean,
): string[] {
  const missing =
    agents.length === 0 ? ["serve needs AGENT, or agents in the file or in PIGEONHOLE_AGENTS"] : [];
  const lost =
    isWatched && values.store === "memory:"
      ? ["--watch needs a store that outlives a restart: sqlite:PATH"]
      : [];
  return [
    ...portClashes(values),
    ...missing,
    ...lost,
    ...(isKnown(values)
      ? [...mistakesOf(() => tlsFiles(values)), ...mistakesOf(() => requireCallers(values))]
      : []),
  ];
}

/** Whether all that says who may call could be read. What would follow from the lack of one that is wrong, and told already, is no mistake. */
function isKnown(values: ServeSettings): boolean {
  return Object.entries(values).every(([name, value]) => value !== undefined || !ofCallers.test(name));
}

const ofCallers = /^(host$|tls-|jwt-)/;

/** Throws where it is not clear who may call, or everybody would be let in whom nobody has said to let in. */
function requireCallers(values: ServeSettings): void {
  const { auth } = authOptions(values);
  const { host = "127.0.0.1", insecure = false, "tls-client-ca": clientCa } = values;
  requireSafeAddress({ host, authenticated: auth !== undefined || clientCa !== undefined, insecure });
}

/** Tells what a check throws. */
function mistakesOf(check: () => unknown): string[] {
  try {
    check();
    return [];
  } catch (error) {
    if (error instanceof UsageError || error instanceof TaskError) return [error.message];
    throw error;
  }
}

/** What is another default for a server that starts again and again: nobody waits long for the new code. */
const whileWatched = fromFlags({ drain: "1" }, { drain: "--watch" });
