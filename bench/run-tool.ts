import { once } from "node:events";
import { text } from "node:stream/consumers";
import { startChild } from "./child.ts";

/** Runs a program to its end and returns what it printed. Rejects if it fails. */
export async function runTool(program: string, args: readonly string[]): Promise<string> {
  const child = startChild(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  if (!child.stdout) throw new Error(`${program} has no output`);
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, "exit")]);
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${output}`);
  return output;
}

/** Finds the number that the first group of a pattern matches. Throws if there is none. */
export function numberIn(output: string, pattern: RegExp): number {
  const found = output.match(pattern)?.[1];
  if (found === undefined) throw new Error(`no ${pattern} in: ${output}`);
  return Number(found);
}
