import { create, toJsonString } from "@bufbuild/protobuf";
import { TaskService } from "../../src/proto.ts";
import type { ChildServer } from "../child-server.ts";
import { type Bench, type Figure, interleave, perSecond, type Row, rateRows, row } from "../figure.ts";
import { grpcClient } from "../grpc-client.ts";
import { h2load } from "../h2load.ts";
import { countEvents, createTasks, drained, startPigeonhole, textPart } from "../pigeonhole.ts";
import { type Load, type Rate, rateOf } from "../rate.ts";
import { encode, pathOf } from "../rpc.ts";
import { ratios } from "../stats.ts";
import { wrk } from "../wrk.ts";
import { type Door, doors, emptyCalls, shape, startGrpcJs } from "./empty-call.ts";

const method = TaskService.method.sendEvent;

/**
 * Sends events to many tasks of an agent, each without a request id, as fast as the server accepts them, and checks that the
 * tasks have them. What `sink` takes to handle them all is part of the cost.
 */
export async function sendEvents(
  bench: Bench,
  server: ChildServer,
  door: Door,
  agent: "blocked" | "sink",
): Promise<Rate> {
  await using client = await grpcClient(server.url);
  const taskIds = await createTasks(client, agent, door === "HTTP/1.1" ? 1_000 : shape.connections, "begin");
  const rate = await rateOf(server, async () => {
    const load = await sendAll(bench, server, door, taskIds);
    if (agent === "sink") await drained(client, agent);
    return load;
  });
  let events = 0;
  // Each task began with one of its own.
  for (const id of taskIds) events += (await countEvents(client, id)) - 1;
  const sent = rate.perSecond * shape.seconds;
  if (events < sent) throw new Error(`${sent} events were sent, but the tasks have only ${events}`);
  return rate;
}

function sendAll(bench: Bench, server: ChildServer, door: Door, taskIds: readonly string[]): Promise<Load> {
  const requests = taskIds.map((taskId) => ({ taskId, parts: [textPart("Please look at order 4711.")] }));
  const url = door === "gRPC door" ? server.grpcUrl : server.url;
  const load = { url, path: pathOf(method), seconds: shape.seconds, directory: bench.directory };
  if (door === "HTTP/1.1") {
    const json = requests.map((request) => toJsonString(method.input, create(method.input, request)));
    return wrk({ ...load, requests: json, connections: shape.connections * shape.streams });
  }
  const binary = requests.map((request) => encode(method, request));
  const protocol = door === "Connect" ? "connect" : "grpc";
  return h2load({ ...load, requests: binary, streams: shape.streams, protocol });
}

async function measureDoor(bench: Bench, door: Door): Promise<Row[]> {
  await using server = await startPigeonhole(bench);
  // The gRPC door is for the sake of speed: it is measured by grpc-js itself.
  await using peer = door === "gRPC door" ? await startGrpcJs() : undefined;
  const { empty, accepted, handled } = await interleave(bench.rounds, {
    empty: () => emptyCalls(bench, peer ?? server, door),
    accepted: () => sendEvents(bench, server, door, "blocked"),
    handled: () => sendEvents(bench, server, door, "sink"),
  });
  const toEmpty = (rates: readonly Rate[]) => ratios(perSecond(rates), perSecond(empty));
  return [
    ...rateRows(peer ? "empty call, grpc-js alone" : `empty call, ${door}`, "calls/s", empty),
    ...rateRows(`SendEvent, ${door}`, "events/s", accepted),
    row(`SendEvent, ${door}: to an empty call`, "ratio", toEmpty(accepted), { atLeast: 0.7 }),
    ...rateRows(`SendEvent while turns run, ${door}`, "events/s", handled),
    row(`SendEvent while turns run, ${door}: to an empty call`, "ratio", toEmpty(handled)),
  ];
}

export const sendEvent: Figure = {
  name: "send-event",
  title: "A durable SendEvent, beside an empty call",
  async measure(bench) {
    const rows: Row[] = [];
    for (const door of doors) rows.push(...(await measureDoor(bench, door)));
    return rows;
  },
};
