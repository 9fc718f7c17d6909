import { execFile, spawnSync } from "node:child_process";
import { once } from "node:events";
import { delimiter } from "node:path";
import { promisify } from "node:util";
import {
  type Agent,
  defineAgent,
  type ServeOptions,
  type Server,
  serve,
  type TurnContext,
} from "../src/server/index.ts";
import { codeBlocks, root } from "./readme-code.ts";

/** The page whose commands are run. */
export const page = "docs/clients.md";

const execFileAsync = promisify(execFile);
const quiet = { info() {}, warn() {}, error() {} };

/**
 * Tells whether the tests that need a program can run: whether a command of its succeeds. Says so if they cannot; in CI, where all of
 * them have to run, throws instead.
 */
export function hasFor(tests: string, program: string, command: string): boolean {
  if (spawnSync("bash", ["-c", command], { cwd: root }).status === 0) return true;
  const missing = `${tests} needs ${program}, which is not there or too old`;
  if (process.env.CI) throw new Error(missing);
  console.warn(`Skipped: ${missing}.`);
  return false;
}

/** Finds the one block of shell commands of the page that has a text in it. */
export function pageCommands(text: string): string {
  const found = codeBlocks(page).filter(({ language, code }) => language === "sh" && code.includes(text));
  if (found.length !== 1) throw new Error(`${found.length} blocks of ${page} have ${text}`);
  return found[0]?.code ?? "";
}

/** Splits commands into those that prepare and the last one, which runs the client. */
export function splitLast(commands: string): { prepare: string; run: string } {
  const lines = commands.trimEnd().split("\n");
  const [folder = "", last = ""] = [lines[0], lines.at(-1)];
  return { prepare: lines.slice(0, -1).join("\n"), run: `${folder}\n${last}` };
}

/** A client that runs. */
export interface RunningClient {
  /** Resolves when it has printed a text. */
  printed(text: string): Promise<void>;
  /** Resolves with all that it printed when it has ended well; rejects, with all of it, if it has not. */
  ended: Promise<string>;
}

/** Starts commands in the root of the repository, on a server at another address than theirs. */
export function startClient(commands: string, { port }: Pick<Server, "port">): RunningClient {
  const run = execFileAsync("bash", ["-euc", commands.replaceAll("127.0.0.1:8080", `127.0.0.1:${port}`)], {
    cwd: root,
    env: {
      ...process.env,
      PATH: `${root}node_modules/.bin${delimiter}${process.env.PATH}`,
      PYTHONUNBUFFERED: "1",
    },
    timeout: 300_000,
  });
  let output = "";
  const { stdout } = run.child;
  stdout?.on("data", (chunk) => {
    output += chunk;
  });
  const ended = run.then(
    () => output,
    (error: Error & { stderr?: string }) => {
      throw new Error(`${error.message}\n${output}\n${error.stderr}`);
    },
  );
  // Whoever waits for a line may wait in vain, and is told so; the other may come later.
  ended.catch(() => {});
  return {
    ended,
    async printed(text) {
      const over = ended.then((all) => Promise.reject(new Error(`It has not printed ${text}:\n${all}`)));
      over.catch(() => {});
      while (stdout && !output.includes(text)) await Promise.race([once(stdout, "data"), over]);
    },
  };
}

/** Serves an agent for a client, at any port that is free unless one is given. */
export function serveFor(agent: Agent, options: Partial<ServeOptions> = {}): Promise<Server> {
  return serve({ agents: [agent], store: "memory:", port: 0, drain: 0, log: quiet, ...options });
}

/** An agent that, in the middle of its answer to some texts, waits until it may go on a little, and stays there until it is stopped. */
export function createHesitant(hesitates: (text: string) => boolean, mayGoOn: Promise<void>): Agent {
  return defineAgent({
    name: "greeter",
    cancelGrace: 0,
    async onTaskEventSend(ctx, event) {
      const reply = ctx.messages.stream();
      await reply.write("This is ");
      if (hesitates(event.text)) {
        await Promise.race([mayGoOn, untilStopped(ctx)]);
        await reply.write("not ");
        await untilStopped(ctx);
      }
      await reply.write("all.");
    },
  });
}

function untilStopped({ signal }: TurnContext): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
