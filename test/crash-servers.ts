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
  readonly gone: Promise<unknown>;
}

/** Servers on one database file, one after the other. */
export interface ServerSeries extends AsyncDisposable {
  /** Resolves with the server that is up, or with the next one. */
  current(): Promise<Server>;
  /** Starts a server. Resolves when it listens. */
  start(): Promise<Server>;
  /** Starts a server and kills it so many milliseconds later, whether it listens or not. */
  startInVain(delay: number): Promise<void>;
  /** Kills the server that is up, without any warning to it. */
  kill(): Promise<void>;
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
    async start() {
      process = run();
      const url = await urlOf(process);
      const rpc = {
        connect: clientOf(
          createConnectTransport({ baseUrl: url, httpVersion: "1.1", useBinaryFormat: true }),
        ),
        grpc: clientOf(createGrpcTransport({ baseUrl: url })),
        grpcWeb: clientOf(createGrpcWebTransport({ baseUrl: url, httpVersion: "1.1" })),
      };
      server = { url, rpc, doomed: false, gone: process.exited };
      up.resolve(server);
      return server;
    },
    async startInVain(delay) {
      const early = run();
      const timer = setTimeout(() => early.kill("SIGKILL"), delay);
      await early.exited;
      clearTimeout(timer);
    },
    async kill() {
      down();
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

  function run(): CliProcess {
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
    return runCli(args, cli);
  }

  function down(): void {
    if (server !== undefined) server.doomed = true;
    up = Promise.withResolvers();
  }
}

function clientOf(transport: Transport): Client<typeof TaskService> {
  return createClient(TaskService, transport);
}
