import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** How a process ended. */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** The command line, run in a process of its own, which is killed when it is disposed of. */
export interface CliProcess extends AsyncDisposable {
  readonly pid: number;
  stdout(): string;
  stderr(): string;
  /** Resolves with the first match once it is in what the process prints. Rejects if the process ends without. */
  printed(pattern: RegExp): Promise<RegExpExecArray>;
  kill(signal: NodeJS.Signals): void;
  /** Resolves when it has ended and all that it printed is here. */
  readonly exited: Promise<Exit>;
}

/** The path of an agent for tests. */
export function agentPath(name: string): string {
  return fileURLToPath(new URL(`./agents/${name}.ts`, import.meta.url));
}

/** How to run the command line. */
export interface CliOptions {
  /** A directory that a server has ended well with: another begins in a third less time. */
  compileCache?: string;
  uid?: number | undefined;
  cwd?: string;
  /** What it sees besides this process's environment, or instead of that. */
  env?: NodeJS.ProcessEnv;
  /** What it reads. Nothing by default. */
  input?: string;
  /** A command that it is run under, which keeps it this process's child, as `strace -D` does. */
  under?: readonly string[];
}

/** Runs the command line. */
export function runCli(args: string[], options: CliOptions = {}): CliProcess {
  const { compileCache, uid, cwd, env, input = "", under = [] } = options;
  const main = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url));
  const command = [...under, process.execPath, "--conditions=pigeonhole-source", main, ...args];
  const child = spawn(command[0] ?? process.execPath, command.slice(1), {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, ...(compileCache !== undefined && { NODE_COMPILE_CACHE: compileCache }), ...env },
    ...(uid !== undefined && { uid }),
    ...(cwd !== undefined && { cwd }),
  });
  // It may end without having read all.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const stdout = gather(child.stdout);
  const stderr = gather(child.stderr);
  const exited = endOf(child);
  return {
    pid: child.pid ?? 0,
    stdout: stdout.text,
    stderr: stderr.text,
    async printed(pattern) {
      const found = new AbortController();
      try {
        return await Promise.race([
          stdout.matches(pattern, found.signal),
          stderr.matches(pattern, found.signal),
          exited.then(({ code, signal }) => {
            throw new Error(`ended with ${code ?? signal} before it printed ${pattern}: ${stderr.text()}`);
          }),
        ]);
      } finally {
        found.abort();
      }
    },
    kill: (signal) => child.kill(signal),
    exited,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

/** Waits for a server to say where it listens. */
export async function urlOf(server: CliProcess): Promise<string> {
  const [, url = ""] = await server.printed(/^Pigeonhole serves .* at (https?:[^\s,]+)(,|$)/m);
  return url;
}

function endOf(child: ChildProcess): Promise<Exit> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code, signal }));
  });
}

function gather(stream: NodeJS.ReadableStream) {
  let text = "";
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    text += chunk;
  });
  return {
    text: () => text,
    /** Resolves with a match, looked for until the signal aborts. */
    matches: (pattern: RegExp, signal: AbortSignal) =>
      new Promise<RegExpExecArray>((resolve) => {
        const look = () => {
          const match = pattern.exec(text);
          if (match !== null) resolve(match);
        };
        stream.on("data", look);
        signal.addEventListener("abort", () => stream.off("data", look));
        look();
      }),
  };
}
