import { type Logger, type ServeOptions, type Server, serve, TaskError } from "../server/index.ts";
import { createLogger } from "../server/logger.ts";
import { loadAgents } from "./load-agent.ts";
import type { Output } from "./output.ts";
import { ownCommand } from "./own-package.ts";
import type { ServeFlags } from "./serve-options.ts";
import { reportToSupervisor, supervisorGone } from "./supervised.ts";
import { UsageError } from "./usage-error.ts";
import { parseNumber } from "./values.ts";

/**
 * Serves agents until SIGTERM or SIGINT, then resolves with 0; a second signal ends the process at once. What an agent throws outside of
 * its handlers, where nobody can catch it, stops the server likewise, and it resolves with 1.
 */
export async function serveCommand(
  paths: readonly string[],
  flags: ServeFlags,
  output: Output,
): Promise<number> {
  const log = createLogger((line) => process.stderr.write(line));
  const port = parseNumber("port", flags.port, 0, 65_535);
  const maxTurns = parseNumber("max-turns", flags["max-turns"], 1, 1_000_000);
  const drain = parseNumber("drain", flags.drain, 0, 86_400);
  const report = reportToSupervisor();
  // A server goes on, and stops in order, also when nobody reads what it prints any more.
  for (const stream of [process.stdout, process.stderr])
    stream.removeAllListeners("error").on("error", () => {});
  const agents = (await Promise.all(paths.map(loadAgents))).flat();
  // Listened for from here on: one that comes while the server starts must not cut it off half-way.
  const stopped = Promise.race([stopSignal(), supervisorGone(), uncaught(log)]);
  const server = await begin({
    agents,
    log,
    ...(flags.host !== undefined && { host: flags.host }),
    ...(flags.store !== undefined && { store: flags.store }),
    ...(port !== undefined && { port }),
    ...(maxTurns !== undefined && { maxTurns }),
    ...(drain !== undefined && { drain: drain * 1000 }),
    console: flags["no-console"] !== true,
    corsOrigins: flags["cors-origin"] ?? [],
    webhooks: { allowPrivateAddresses: flags["allow-private-webhooks"] ?? false },
  });
  const names = agents.map(({ name }) => name);
  const again = report(server.port);
  await output.show({ url: server.url, agents: names }, () =>
    again ? title(server.url, names) : welcome(server.url, names, flags["no-console"] !== true),
  );
  const exitCode = await stopped;
  await output.show(
    { stopping: true },
    () => "Stopping: turns may finish, the rest waits in the mailboxes.\n",
  );
  await server.close();
  return exitCode;
}

/** Starts the server. What it refuses of its options is the caller's. */
async function begin(options: ServeOptions): Promise<Server> {
  try {
    return await serve(options);
  } catch (error) {
    if (error instanceof TaskError && error.reason === "VALUE_INVALID") throw new UsageError(error.message);
    throw error;
  }
}

function title(url: string, agents: string[]): string {
  return `Pigeonhole serves ${agents.join(", ")} at ${url}\n`;
}

function welcome(url: string, agents: string[], hasConsole: boolean): string {
  const server = url === "http://127.0.0.1:8080" ? "" : ` --server ${url}`;
  return `${title(url, agents)}
Talk to it in another terminal:
  ${ownCommand()} chat ${agents[0]}${server}
${hasConsole ? `\nOr in a browser, at ${url}\n` : ""}
Or with curl:
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
