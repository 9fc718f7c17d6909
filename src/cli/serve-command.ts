import { type Logger, type Server, serve, TaskError } from "../server/index.ts";
import { createLogger } from "../server/logger.ts";
import { isLoopback } from "../server/require-safe-address.ts";
import { withoutWords } from "../server/telemetry/without-words.ts";
import { authOptions } from "./auth-options.ts";
import { limitsOf } from "./limits-of.ts";
import { loadAgents } from "./load-agent.ts";
import type { Output } from "./output.ts";
import { ownCommand } from "./own-package.ts";
import type { ServeSettings } from "./serve-options.ts";
import { startFault } from "./start-fault.ts";
import { reportToSupervisor, supervisorGone } from "./supervised.ts";
import { tlsFiles } from "./tls-files.ts";

/** How long the store may take to close, once the turns have come to their end, in ms. */
const closingTime = 30_000;

/**
 * Serves agents until SIGTERM or SIGINT, then resolves with 0; a second signal ends the process at once. What an agent throws outside of
 * its handlers, where nobody can catch it, stops the server likewise, and it resolves with 1.
 */
export async function serveCommand(
  paths: readonly string[],
  settings: ServeSettings,
  output: Output,
): Promise<number> {
  const {
    "log-level": level,
    "log-format": format,
    "log-handler-errors": logHandlerErrors = false,
  } = settings;
  const log = createLogger({ ...(level && { level }), ...(format && { format }) });
  const { "metrics-port": metricsPort, "metrics-host": metricsHost } = settings;
  const { "drain-delay": drainDelay = 0, "grpc-port": grpcPort } = settings;
  const { host, port, store, drain, "max-turns": maxTurns, "no-console": noConsole = false } = settings;
  const tls = tlsFiles(settings);
  const auth = authOptions(settings);
  const report = reportToSupervisor();
  const orphaned = supervisorGone();
  // A server goes on, and stops in order, also when nobody reads what it prints any more.
  for (const stream of [process.stdout, process.stderr])
    stream.removeAllListeners("error").on("error", () => {});
  // Before the agents: what they import may look for what traces.
  const endTraces = await beginTraces(settings["otlp-endpoint"], log);
  const loaded = await Promise.race([Promise.all(paths.map(loadAgents)), orphaned]);
  if (loaded === 0) return 0;
  const agents = loaded.flat();
  // Listened for from here on: one that comes while the server starts must not cut it off half-way.
  const stopped = Promise.race([stopSignal(), orphaned, uncaught(log, logHandlerErrors)]);
  const server = await serve({
    agents,
    log,
    logHandlerErrors,
    ...(metricsPort !== undefined && { metricsPort }),
    ...(metricsHost !== undefined && { metricsHost }),
    ...(host !== undefined && { host }),
    ...(tls !== undefined && { tls }),
    insecure: settings.insecure ?? false,
    limits: limitsOf(settings),
    ...(store !== undefined && { store }),
    ...(port !== undefined && { port }),
    ...(grpcPort !== undefined && { grpcPort }),
    ...(maxTurns !== undefined && { maxTurns }),
    ...(drain !== undefined && { drain: drain * 1000 }),
    ...auth,
    drainDelay: drainDelay * 1000,
    console: !noConsole,
    allowedHosts: settings["allow-host"] ?? [],
    corsOrigins: settings["cors-origin"] ?? [],
    webhooks: { allowPrivateAddresses: settings["allow-private-webhooks"] ?? false },
  }).catch((error: unknown) => {
    throw startFault(error, settings);
  });
  if (tls !== undefined || auth.auth?.jwt !== undefined)
    process.on("SIGHUP", () => void server.reloadFiles());
  const names = agents.map(({ name }) => name);
  const again = report(server.port);
  const { url, grpcUrl } = server;
  await output.show({ url, ...(grpcUrl !== undefined && { grpcUrl }), agents: names }, () =>
    again ? title(server, names) : welcome(server, names, { hasConsole: !noConsole, asks: "auth" in auth }),
  );
  const exitCode = await stopped;
  await output.show(
    { stopping: true },
    () => "Stopping: turns may finish, the rest waits in the mailboxes.\n",
  );
  const grace = Math.max(...agents.map(({ cancelGrace }) => cancelGrace));
  cutOffAfter((drainDelay + (drain ?? 10)) * 1000 + grace + closingTime, log);
  await server.close();
  await endTraces();
  return exitCode;
}

/** Begins to send traces, if that is wanted. Returns what sends the last of them. */
async function beginTraces(endpoint: string | undefined, log: Logger): Promise<() => Promise<void>> {
  if (endpoint === undefined) return async () => {};
  // Loaded here: without traces, nothing of it is needed.
  const { registerTraces } = await import("./otlp-traces.ts");
  return registerTraces(endpoint, log);
}

function title({ url, grpcUrl, host }: Server, agents: string[]): string {
  const door = grpcUrl === undefined ? "" : `, and to clients of gRPC at ${new URL(grpcUrl).host}`;
  const reach = isLoopback(host) ? "It listens on loopback: only this machine reaches it.\n" : "";
  return `Pigeonhole serves ${agents.join(", ")} at ${url}${door}\n${reach}`;
}

interface Welcome {
  hasConsole: boolean;
  /** Whether callers have to show a token. */
  asks: boolean;
}

function welcome(server: Server, agents: string[], { hasConsole, asks }: Welcome): string {
  const { url } = server;
  const token = asks ? ` -H "authorization: Bearer $PIGEONHOLE_TOKEN"` : "";
  const option = url === "http://127.0.0.1:8080" ? "" : ` --server ${url}`;
  return `${title(server, agents)}
Talk to it in another terminal${asks ? ", where PIGEONHOLE_TOKEN is a token of this server's" : ""}:
  ${ownCommand()} chat ${agents[0]}${option}
${hasConsole ? `\nOr in a browser, at ${url}\n` : ""}
Or with curl:
  TASK=$(curl -s ${url}/pigeonhole.v1.TaskService/CreateTask -H 'content-type: application/json'${token} -d '{"agent":"${agents[0]}"}' | grep -o '[0-9a-f-]\\{36\\}' | head -1)
  curl -s ${url}/pigeonhole.v1.TaskService/SendEvent -H 'content-type: application/json'${token} -d '{"taskId":"'$TASK'","parts":[{"text":"Hello there"}]}'; echo
  printf '\\0\\0\\0\\0\\061{"taskId":"%s"}' $TASK | curl -sN ${url}/pigeonhole.v1.TaskService/SubscribeTask -H 'content-type: application/connect+json'${token} --data-binary @-
The last one follows the task's log until the task ends; Ctrl-C stops it.
`;
}

/** Ends the process when it has not stopped in time, as on a disk that does not answer: what was acknowledged is on the disk already. */
function cutOffAfter(time: number, log: Logger): void {
  setTimeout(() => {
    log.error("the server did not stop in time, and is cut off", { waited: time });
    process.exit(1);
  }, time).unref();
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
function uncaught(log: Logger, inFull: boolean): Promise<1> {
  process.on("unhandledRejection", (error) =>
    log.error("an agent left a rejected promise behind", { error: inFull ? error : withoutWords(error) }),
  );
  return new Promise((resolve) => {
    process.on("uncaughtException", (error) => {
      log.error("an agent threw outside of its handlers", { error });
      if (!(error instanceof TaskError)) resolve(1);
    });
  });
}
