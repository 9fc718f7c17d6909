import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { delimiter } from "node:path";
import { promisify } from "node:util";
import { root } from "./readme-code.ts";

const execFileAsync = promisify(execFile);

/** A command that serves, and is ended with all that it began when it is disposed of. */
export interface Serving extends AsyncDisposable {
  url: string;
}

/** Where commands run, and what they see besides. */
export interface ShellOptions {
  cwd: string;
  env?: NodeJS.ProcessEnv;
}

/** Runs commands as somebody would type them. Resolves with what they print; rejects, with all that they print, if one fails. */
export async function shell(commands: string, { cwd, env }: ShellOptions): Promise<string> {
  const { stdout } = await execFileAsync("bash", ["-euo", "pipefail", "-c", commands], {
    cwd,
    env: { ...userEnv(), ...env },
    maxBuffer: 64 * 1024 * 1024,
    timeout: 240_000,
  });
  return stdout;
}

/** Runs a command that serves, until it says where. */
export async function serving(command: string, { cwd, env }: ShellOptions): Promise<Serving> {
  // A group of its own, because npx does not always hand signals on.
  const child = spawn("bash", ["-c", command], { cwd, env: { ...userEnv(), ...env }, detached: true });
  const exited = once(child, "exit");
  let output = "";
  child.stderr.on("data", (chunk) => {
    output += chunk;
  });
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.on("data", (chunk) => {
      output += chunk;
      const said = /^Pigeonhole serves .* at (http\S+)$/m.exec(output)?.[1];
      if (said !== undefined) resolve(said);
    });
    child.once("exit", () => reject(new Error(`${command} ended:\n${output}`)));
  });
  return {
    url,
    async [Symbol.asyncDispose]() {
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGTERM");
      await exited;
    },
  };
}

/** The environment of somebody outside of the repository: without what npm tells the scripts that it runs, with this Node first. */
function userEnv(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(
    ([name]) =>
      !/^(npm_(package|lifecycle|config_(call|local_prefix))|NODE_OPTIONS|NODE_ENV|VITEST|INIT_CWD)/.test(
        name,
      ),
  );
  return { ...Object.fromEntries(own), PATH: `${root}node_modules/.bin${delimiter}${process.env.PATH}` };
}
