import { type Logger, serve, TaskError } from "../server/index.ts";
import { createLogger } from "../server/logger.ts";
import { loadAgents } from "./load-agent.ts";
import { UsageError } from "./usage-error.ts";

export interface ServeFlags {
  port?: string | undefined;
  host?: string | undefined;
  store?: string | undefined;
  "cors-origin"?: string[] | undefined;
  "max-turns"?: string | undefined;
  drain?: string | undefined;
}

/**
 * Serves agents until SIGTERM or SIGINT, then exits with 0; a second signal ends the process at once. What an agent throws outside of
 * its handlers, where nobody can catch it, stops the server likewise, and it exits with 1.
 */
export async function serveCommand(paths: string[], flags: ServeFlags): Promise<void> {
  if (paths.length === 0) throw new UsageError("serve needs the path of an agent");
  const log = createLogger((line) => process.stderr.write(line));
  const port = number("port", flags.port, 0, 65_535);
  const maxTurns = number("max-turns", flags["max-turns"], 1, 1_000_000);
  const drain = number("drain", flags.drain, 0, 86_400);
  const agents = (await Promise.all(paths.map(loadAgents))).flat();
  // Listened for from here on: one that comes while the server starts must not cut it off half-way.
  const stopped = Promise.race([stopSignal(), uncaught(log)]);
  const server = await serve({
    agents,
    log,
    ...(flags.host !== undefined && { host: flags.host }),
    ...(flags.store !== undefined && { store: flags.store }),
    ...(port !== undefined && { port }),
    ...(maxTurns !== undefined && { maxTurns }),
    ...(drain !== undefined && { drain: drain * 1000 }),
    corsOrigins: flags["cors-origin"] ?? [],
  });
  const names = agents.map(({ name }) => name);
  process.stdout.write(welcome(server.url, names));
  const exitCode = await stopped;
  process.stdout.write("Stopping: turns may finish, the rest waits in the mailboxes.\n");
  await server.close();
  process.exit(exitCode);
}

function welcome(url: string, agents: string[]): string {
  return `Pigeonhole serves ${agents.join(", ")} at ${url}

Try it in another terminal:
  TASK=$(curl -s ${url}/pigeonhole.v1.TaskService/CreateTask -H 'content-type: application/json' -d '{"agent":"${agents[0]}"}' | grep -o '[0-9a-f-]\\{36\\}' | head -1)
  curl -s ${url}/pigeonhole.v1.TaskService/SendEvent -H 'content-type: application/json' -d '{"taskId":"'$TASK'","parts":[{"text":"Hello there"}]}'; echo
  printf '\\0\\0\\0\\0\\061{"taskId":"%s"}' $TASK | curl -sN ${url}/pigeonhole.v1.TaskService/SubscribeTask -H 'content-type: application/connect+json' --data-binary @-
The last one follows the task's log until the task ends; Ctrl-C stops it.
`;
}

/** Resolves when the process is asked to stop. */
function stopSignal(): Promise<0> {
  return new Promise((resolve) => {
    let signals = 0;
    const onSignal = () => {
      signals += 1;
      if (signals > 1) process.exit(1);
      resolve(0);
    };
    process.on("SIGTERM", onSignal);
    process.on("SIGINT", onSignal);
  });
}

/**
 * Resolves when an agent's code has thrown where nobody catches it. A forgotten promise, or a callback that comes after its turn is over,
 * is only noted: it must not take the other tasks down with it. After anything else, the process may be in any state.
 */
function uncaught(log: Logger): Promise<1> {
  process.on("unhandledRejection", (error) =>
    log.error("an agent left a rejected promise behind", { error }),
  );
  return new Promise((resolve) => {
    process.on("uncaughtException", (error) => {
      log.error("an agent threw outside of its handlers", { error });
      if (!(error instanceof TaskError)) resolve(1);
    });
  });
}

function number(name: string, text: string | undefined, min: number, max: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new UsageError(`--${name} must be a whole number from ${min} to ${max}, not ${JSON.stringify(text)}`);
}
