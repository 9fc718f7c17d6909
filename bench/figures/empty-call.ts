import { type ChildServer, startServer } from "../child-server.ts";
import { EmptyService } from "../empty-service.ts";
import { type Bench, type Figure, interleave, perSecond, rateRows, row } from "../figure.ts";
import { h2load } from "../h2load.ts";
import { startPigeonhole } from "../pigeonhole.ts";
import { type Rate, rateOf } from "../rate.ts";
import { pathOf } from "../rpc.ts";
import { ratios } from "../stats.ts";
import { wrk } from "../wrk.ts";

const path = pathOf(EmptyService.method.call);

/** A field that nobody reads: h2load sends no body from an empty file. */
const body = Uint8Array.of(8, 0);

/** How a call is made: its protocol and port, and whether over HTTP/2 (binary, by h2load) or HTTP/1.1 (JSON, by wrk). */
export type Door = "Connect" | "gRPC" | "HTTP/1.1" | "gRPC door";

export const doors: readonly Door[] = ["Connect", "gRPC", "HTTP/1.1", "gRPC door"];

/** How many connections there are, and how many calls are under way on each of HTTP/2. */
export const shape = { connections: 64, streams: 4, seconds: 2 };

/** Calls what does nothing. */
export function emptyCalls(bench: Bench, server: ChildServer, door: Door): Promise<Rate> {
  const url = door === "gRPC door" ? server.emptyGrpcUrl : server.emptyUrl;
  const load = { url, path, seconds: shape.seconds, directory: bench.directory };
  if (door === "HTTP/1.1") {
    const connections = shape.connections * shape.streams;
    return rateOf(server, () => wrk({ ...load, requests: ["{}"], connections }));
  }
  const requests = Array.from({ length: shape.connections }, () => body);
  const protocol = door === "Connect" ? "connect" : "grpc";
  return rateOf(server, () => h2load({ ...load, requests, streams: shape.streams, protocol }));
}

/** Starts a server of grpc-js that has nothing of Pigeonhole. */
export function startGrpcJs(): Promise<ChildServer> {
  return startServer("grpc-js-server.ts");
}

export const emptyCall: Figure = {
  name: "empty-call",
  title: "An empty call: what the way there and back costs",
  async measure(bench) {
    await using server = await startPigeonhole(bench);
    await using peer = await startGrpcJs();
    const { "grpc-js": peers, ...rates } = await interleave(bench.rounds, {
      Connect: () => emptyCalls(bench, server, "Connect"),
      gRPC: () => emptyCalls(bench, server, "gRPC"),
      "HTTP/1.1": () => emptyCalls(bench, server, "HTTP/1.1"),
      "gRPC door": () => emptyCalls(bench, server, "gRPC door"),
      "grpc-js": () => emptyCalls(bench, peer, "gRPC door"),
    });
    return [
      ...doors.flatMap((door) => rateRows(`empty call, ${door}`, "calls/s", rates[door])),
      ...rateRows("empty call, grpc-js alone", "calls/s", peers),
      row(
        "empty call, gRPC door: to grpc-js alone",
        "ratio",
        ratios(perSecond(rates["gRPC door"]), perSecond(peers)),
      ),
    ];
  },
};
