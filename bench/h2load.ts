import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { envelope } from "./grpc-client.ts";
import type { Load } from "./rate.ts";
import { numberIn, runTool } from "./run-tool.ts";

const warmUpMs = 500;

/** Unary calls for h2load to make. */
export interface H2Load {
  protocol: "connect" | "grpc";
  url: string;
  /** As in `/pigeonhole.v1.TaskService/SendEvent`. */
  path: string;
  /** The encoded requests. h2load sends one body again and again, so each has a process and a connection of its own. */
  requests: readonly Uint8Array[];
  /** How many calls are under way at once on each connection. */
  streams: number;
  seconds: number;
  /** Where the bodies may be written. */
  directory: string;
}

/**
 * Calls over HTTP/2 as fast as the server answers, after a warm-up of half a second.
 * Rejects if a call fails by its HTTP status; an error of gRPC has status 200, so callers check what the calls did.
 */
export async function h2load(load: H2Load): Promise<Load> {
  const rates = await Promise.all(load.requests.map((request, index) => run(load, request, index)));
  const perSecond = rates.reduce((sum, rate) => sum + rate, 0);
  return { perSecond, count: perSecond * (load.seconds + warmUpMs / 1_000) };
}

async function run(load: H2Load, request: Uint8Array, index: number): Promise<number> {
  const body = join(load.directory, `body-${index}`);
  await writeFile(body, load.protocol === "grpc" ? envelope(request) : request);
  const headers =
    load.protocol === "grpc"
      ? ["-H", "content-type: application/grpc", "-H", "te: trailers"]
      : ["-H", "content-type: application/proto", "-H", "connect-protocol-version: 1"];
  const shape = [
    "-c",
    "1",
    "-m",
    String(load.streams),
    "-D",
    `${load.seconds}s`,
    "--warm-up-time",
    `${warmUpMs}ms`,
  ];
  const output = await runTool("h2load", [...shape, ...headers, "-d", body, load.url + load.path]);
  const failed = numberIn(output, /(\d+) failed/) + numberIn(output, /(\d+) 5xx/);
  if (failed > 0) throw new Error(`${failed} calls of ${load.path} failed: ${output}`);
  return numberIn(output, /finished in .*, ([\d.]+) req\/s/);
}
