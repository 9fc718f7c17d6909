import { type Client, createClient, type Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { TaskService } from "../src/proto.ts";
import { agentPath, type CliOptions, type CliProcess, runCli, urlOf } from "./crash-process.ts";

/** The protocols that the clients take turns with. */
export const protocols = ["connect", "grpc", "grpcWeb"] as const;
export type Protocol = (typeof protocols)[number];

/** A server that clients talk to, until it is gone. */
export interface Server {
  /** Where it listens. */
  url: string;
  rpc: Record<Protocol, Client<typeof TaskService>>;
  /** Whether it has been killed, or is about to be: from then on a call may fail. */
  doomed: boolean;
  /** Whether its disk fails now and then: a call that is told so is made again. */
  troubled: boolean;
  /** What it wrote to its log. */
  log(): string;
  readonly gone: Promise<unknown>;
}

/** How to start a server. */
export interface ServerStart extends CliOptions {
  /** Whether it is about to be killed from the beginning, by what it runs under. */
  doomed?: boolean;
  /** Whether its disk fails now and then. */
  troubled?: boolean;
}

/** Servers on one database file, one after the other. */
export interface ServerSeries extends AsyncDisposable {
  /** Resolves with the server that is up, or with the next one. */
  current(): Promise<Server>;
  /** Starts a server. Resolves when it listens. */
  start(options?: ServerStart): Promise<Server>;
  /** Starts a server and kills it so many milliseconds later, whether it listens or not. */
  startInVain(delay: number): Promise<void>;
  /** Kills the server that is up, without any warning to it. What is to be done with its process before is done first. */
  kill(before?: (pid: number) => Promise<void>): Promise<void>;
  /** Stops the server that is up by SIGTERM. Resolves with its exit code. */
  stop(): Promise<number | null>;
}

/** How servers are run: see CliOptions. */
export interface ServerSeriesOptions extends Pick<CliOptions, "compileCache" | "env"> {
  /** How many seconds their turns have when they are stopped. Default 10. */
  drain?: number;
  /** Further options of the command line. */
  args?: readonly string[];
}

/** Prepares servers of an agent for tests on the database `path`. */
export function createServerSeries(
  path: string,
  agent: string,
  { drain = 10, args: moreArgs = [], ...cli }: ServerSeriesOptions = {},
): ServerSeries {
  let up = Promise.withResolvers<Server>();
  let process: CliProcess | undefined;
  let server: Server | undefined;

  return {
    current: () => up.promise,
    async start({ doomed = false, troubled = false, ...options } = {}) {
      const started = run(options);
      process = started;
      const url = await urlOf(started);
      const rpc = {
        connect: clientOf(
          createConnectTransport({ baseUrl: url, httpVersion: "1.1", useBinaryFormat: true }),
        ),
        grpc: clientOf(createGrpcTransport({ baseUrl: url })),
        grpcWeb: clientOf(createGrpcWebTransport({ baseUrl: url, httpVersion: "1.1" })),
      };
      server = { url, rpc, doomed, troubled, log: started.stderr, gone: started.exited };
      up.resolve(server);
      if (doomed) void started.exited.then(down);
      return server;
    },
    async startInVain(delay) {
      const early = run();
      const timer = setTimeout(() => early.kill("SIGKILL"), delay);
      await early.exited;
      clearTimeout(timer);
    },
    async kill(before) {
      down();
      if (process !== undefined) await before?.(process.pid);
      process?.kill("SIGKILL");
      await process?.exited;
    },
    async stop() {
      down();
      process?.kill("SIGTERM");
      return (await process?.exited)?.code ?? null;
    },
    async [Symbol.asyncDispose]() {
      await process?.[Symbol.asyncDispose]();
    },
  };

  function run(options: CliOptions = {}): CliProcess {
    const args = [
      "serve",
      agentPath(agent),
      "--port",
      "0",
      "--store",
      `sqlite:${path}`,
      "--drain",
      String(drain),
      ...moreArgs,
    ];
    return runCli(args, { ...cli, ...options });
  }

  function down(): void {
    if (server !== undefined) server.doomed = true;
    up = Promise.withResolvers();
  }
}

function clientOf(transport: Transport): Client<typeof TaskService> {
  return createClient(TaskService, transport);
}
