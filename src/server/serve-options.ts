import type { Agent, Logger } from "./agent.ts";
import type { AuthOptions } from "./auth/index.ts";
import { type Clock, systemClock } from "./clock.ts";
import { TaskError } from "./errors.ts";
import { createHostCheck, createHostNames, type RequireHost } from "./http/host-check.ts";
import { type Limits, type OnLimit, resolveLimits } from "./limits.ts";
import { createLogger } from "./logger.ts";
import { isLoopback, requireSafeAddress } from "./require-safe-address.ts";
import type { Millis } from "./store/records.ts";
import type { MetricsOptions } from "./telemetry/metrics.ts";
import type { TlsFiles } from "./tls-files.ts";
import type { Resolve } from "./webhooks/outgoing/index.ts";

export interface ServeOptions {
  /** The agents, of distinct names, at least one. */
  agents: readonly Agent[];
  /** Where events, logs and state are kept: `sqlite:PATH` or `memory:`. Default `sqlite:./pigeonhole.db`. */
  store?: string;
  /** The address to listen on. Default 127.0.0.1. */
  host?: string;
  /** The port to listen on, 0 for any that is free. Default 8080. */
  port?: number;
  /** A second port, which speaks gRPC alone, with less work for each call; 0 for any that is free, at most 65,535. Default: none. */
  grpcPort?: number;
  /** Lets everybody call who can reach the server, also from other machines. Default false: such an address asks for authentication. */
  insecure?: boolean;
  /** The files of TLS; they are read again when they change. Default: no TLS. */
  tls?: TlsFiles;
  /**
   * The names, besides `localhost`, by which a server on loopback without authentication and TLS may be asked over HTTP/1.1, and metrics on
   * loopback: a name that a proxy hands on, say. Others are refused, so that no page in a browser reaches it under a name of its own (DNS
   * rebinding). Default none.
   */
  allowedHosts?: readonly string[];
  /** The origins whose pages may call from a browser, such as `https://example.com`, or `*`. Default none. */
  corsOrigins?: readonly string[];
  /** Whether the web console is at `/`; a string is the folder with its built files. Default true. */
  console?: boolean | string;
  /** The most turns that run at once. Further ones wait in the store. Default 1,000. */
  maxTurns?: number;
  /** What callers may take, each within its bounds. Default: `limitBounds`. */
  limits?: Partial<Limits>;
  /** Is told of each call that is refused, and each connection that is cut off, for a limit. It must be quick, and throw nothing. */
  onLimit?: OnLimit;
  /**
   * How long a subscriber hears nothing before a heartbeat, in ms, 1 to 3,600,000. Default 15,000. Clients take a connection for dead on
   * which nothing comes for 45,000, unless they are told otherwise.
   */
  heartbeat?: Millis;
  /** How long turns may go on once the server takes no more requests, in ms, at most a day. Default 10,000. */
  drain?: Millis;
  /**
   * How long requests are still taken once the server is asked to close, in ms, at most an hour: time for a load balancer to learn from
   * health and `/readyz` that it should send none. Default 0.
   */
  drainDelay?: Millis;
  /** Asks every call who it is. Default: nobody is asked, and everything belongs to the server. */
  auth?: AuthOptions;
  /** Which URLs outgoing webhooks may have. */
  webhooks?: WebhookOptions;
  /** Where the server's own log goes. Default: one JSON object a line, to stderr. */
  log?: Logger;
  /**
   * Whether the log tells what agents' code throws in full. Default false: its kind and its stack without the message, which may repeat what
   * an event says. The task's log has the message.
   */
  logHandlerErrors?: boolean;
  /** The port that tells Prometheus the server's figures at `/metrics`, 0 for any that is free. Default none, and none are kept. */
  metricsPort?: number;
  /** The address of that port, which anybody who reaches it may ask. Default 127.0.0.1. */
  metricsHost?: string;
  /** Where time, randomness and ids come from. */
  clock?: Clock;
}

/** Where outgoing webhooks may lead. */
export interface WebhookOptions {
  /** Allows addresses that are private, loopback, link-local and the like, and `http:`. Default false. */
  allowPrivateAddresses?: boolean;
  /** Finds all addresses of a name. Default: as the system does. */
  resolve?: Resolve;
}

/** What a server is made with, once it is known to be within its bounds. */
export interface CheckedOptions {
  /** By their names, each with a mailbox of no more events than the limits allow. */
  agents: Map<string, Agent>;
  host: string;
  port: number;
  tls: TlsFiles | undefined;
  /** Undefined where a request may name any host. */
  requireHost: RequireHost | undefined;
  /** Undefined where nobody is asked who it is. */
  authOptions: AuthOptions | undefined;
  metricsOptions: MetricsOptions;
  limits: Limits;
  maxTurns: number;
  drain: Millis;
  drainDelay: Millis;
  heartbeat: Millis;
  clock: Clock;
  log: Logger;
}

/** Checks what is said of a server against its bounds, and fills in the defaults. Throws VALUE_INVALID. */
export function checkOptions(options: ServeOptions): CheckedOptions {
  const { host = "127.0.0.1", port = 8080, tls, insecure = false, maxTurns = 1000 } = options;
  const { drain = 10_000, drainDelay = 0, heartbeat = 15_000 } = options;
  const { clock = systemClock, log = createLogger() } = options;
  requireWithin("drain", drain, 0, 86_400_000);
  requireWithin("drainDelay", drainDelay, 0, 3_600_000);
  requireWithin("heartbeat", heartbeat, 1, 3_600_000);
  // Node takes an empty address for all that there are.
  for (const name of ["host", "metricsHost", "console"] as const)
    if (options[name] === "") throw new TaskError("VALUE_INVALID", `${name} must not be empty`);
  // A client certificate says who calls.
  const authOptions = options.auth ?? (tls?.clientCa === undefined ? undefined : {});
  requireSafeAddress({ host, authenticated: authOptions !== undefined, insecure });
  const hasHost = createHostNames(options.allowedHosts ?? []);
  const isOpen = authOptions === undefined && tls === undefined && isLoopback(host);
  const requireHost = isOpen ? createHostCheck(hasHost) : undefined;
  const { metricsPort, metricsHost = "127.0.0.1" } = options;
  // Nobody is asked who they are there, whatever holds elsewhere.
  const hasMetricsHost = isLoopback(metricsHost) ? hasHost : () => true;
  const metricsOptions = { port: metricsPort, host: metricsHost, hasHost: hasMetricsHost };
  const limits = resolveLimits(options.limits);
  if (!Number.isInteger(maxTurns) || maxTurns < 1)
    throw new TaskError("VALUE_INVALID", `maxTurns must be a whole number from 1, not ${maxTurns}`);
  const agents = byName(options.agents, limits.maxPending);
  return {
    ...{ agents, host, port, tls, requireHost, authOptions, metricsOptions, limits, maxTurns },
    ...{ drain, drainDelay, heartbeat, clock, log },
  };
}

function requireWithin(name: string, value: Millis, least: Millis, most: Millis): void {
  if (value >= least && value <= most) return;
  throw new TaskError("VALUE_INVALID", `${name} must be from ${least} to ${most} ms, not ${value}`);
}

/** Finds agents by their names, each with a mailbox of at most so many events. */
function byName(agents: readonly Agent[], maxPending: number): Map<string, Agent> {
  if (agents.length === 0) throw new TaskError("VALUE_INVALID", "there must be at least one agent to serve");
  const found = new Map<string, Agent>();
  for (const agent of agents) {
    if (found.has(agent.name)) throw new TaskError("VALUE_INVALID", `two agents are named ${agent.name}`);
    const { mailbox } = agent;
    found.set(agent.name, {
      ...agent,
      mailbox: { ...mailbox, maxPending: Math.min(mailbox.maxPending, maxPending) },
    });
  }
  return found;
}
