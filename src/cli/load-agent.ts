import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { messageOf } from "../message-of.ts";
import { type Agent, type AgentDefinition, defineAgent } from "../server/index.ts";
import { UsageError } from "./usage-error.ts";

/** Loads the agent that a module exports as its default, or several in a list. TypeScript is taken as it is. */
export async function loadAgents(path: string): Promise<Agent[]> {
  if (!existsSync(path)) throw new UsageError(`cannot load the agent ${path}: there is no such file`);
  const module: Record<string, unknown> = await import(pathToFileURL(resolve(path)).href).catch(
    (error: unknown) => {
      throw new UsageError(`cannot load the agent ${path}: ${messageOf(error)}`);
    },
  );
  const definitions = Array.isArray(module.default) ? module.default : [module.default];
  if (!definitions.every(isDefinition)) {
    throw new UsageError(`${path} must export an agent as its default: export default defineAgent({ ... })`);
  }
  try {
    return definitions.map(defineAgent);
  } catch (error) {
    throw new UsageError(`${path}: ${messageOf(error)}`);
  }
}

/** Whether a value may be a definition; defineAgent looks at the rest. */
function isDefinition(value: unknown): value is AgentDefinition {
  return typeof value === "object" && value !== null && "name" in value;
}
