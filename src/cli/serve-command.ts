import { serve } from "../server/index.ts";
import { createLogger } from "../server/logger.ts";
import { loadAgent } from "./load-agent.ts";
import { UsageError } from "./usage-error.ts";

export interface ServeFlags {
  port?: string | undefined;
  host?: string | undefined;
  store?: string | undefined;
  "cors-origin"?: string[] | undefined;
  "max-turns"?: string | undefined;
  drain?: string | undefined;
}

/** Serves agents until SIGTERM or SIGINT; a second one ends the process at once. */
export async function serveCommand(paths: string[], flags: ServeFlags): Promise<void> {
  if (paths.length === 0) throw new UsageError("serve needs the path of an agent");
  const log = createLogger((line) => process.stderr.write(line));
  // A promise that an agent forgot must not take the other tasks down with it.
  process.on("unhandledRejection", (error) =>
    log.error("an agent left a rejected promise behind", { error }),
  );

  const port = number("port", flags.port, 0, 65_535);
  const maxTurns = number("max-turns", flags["max-turns"], 1, 1_000_000);
  const drain = number("drain", flags.drain, 0, 86_400);
  const agents = await Promise.all(paths.map(loadAgent));
  // Listened for from here on: one that comes while the server starts must not cut it off half-way.
  const stopped = stopSignal();
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
  await stopped;
  process.stdout.write("Stopping: turns may finish, the rest waits in the mailboxes.\n");
  await server.close();
  process.exit(0);
}

function welcome(url: string, agents: string[]): string {
  return `Pigeonhole serves ${agents.join(", ")} at ${url}

Try it in another terminal:
  TASK=$(curl -s ${url}/pigeonhole.v1.TaskService/CreateTask -H 'content-type: application/json' -d '{"agent":"${agents[0]}"}' | grep -o '[0-9a-f-]\\{36\\}' | head -1)
  curl -s ${url}/pigeonhole.v1.TaskService/SendEvent -H 'content-type: application/json' -d '{"taskId":"'$TASK'","parts":[{"text":"Hello there"}]}'
  printf '\\0\\0\\0\\0\\061{"taskId":"%s"}' $TASK | curl -sN ${url}/pigeonhole.v1.TaskService/SubscribeTask -H 'content-type: application/connect+json' --data-binary @-
`;
}

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let signals = 0;
    const onSignal = () => {
      signals += 1;
      if (signals > 1) process.exit(1);
      resolve();
    };
    process.on("SIGTERM", onSignal);
    process.on("SIGINT", onSignal);
  });
}

function number(name: string, text: string | undefined, min: number, max: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new UsageError(`--${name} must be a whole number from ${min} to ${max}, not ${JSON.stringify(text)}`);
}
