import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { TaskState as PeerState, Role } from "@a2a-js/sdk";
import { A2AService } from "@a2a-js/sdk/server/grpc";
import { fromBinary } from "@bufbuild/protobuf";
import { TaskService, TaskState } from "../../src/proto.ts";
import { type ChildServer, startServer } from "../child-server.ts";
import { closedLoop } from "../closed-loop.ts";
import { type Figure, interleave, perSecond, rateRows, row } from "../figure.ts";
import type { GrpcClient } from "../grpc-client.ts";
import { connections, startPigeonhole, textPart } from "../pigeonhole.ts";
import { type Rate, rateOf } from "../rate.ts";
import { ask, encode, pathOf } from "../rpc.ts";
import { ratios } from "../stats.ts";

const concurrency = 64;
const seconds = 3;
const connectionCount = 4;

/** Creates a task with its first event and follows it until its stream ends OK: the last entry says that it is complete. */
async function pigeonholeJob(client: GrpcClient): Promise<void> {
  const { createTask, subscribeTask } = TaskService.method;
  const { task } = await ask(client, createTask, { agent: "answer", event: { parts: [textPart("work")] } });
  let last: Uint8Array = new Uint8Array();
  await client.call(pathOf(subscribeTask), encode(subscribeTask, { taskId: task?.id ?? "" }), (bytes) => {
    last = bytes;
  });
  const entry = fromBinary(subscribeTask.output, last).update?.entry;
  if (entry?.case !== "task" || entry.value.state !== TaskState.COMPLETED) throw new Error("a job failed");
}

/** Sends a message that makes a task and waits for the answer, the completed task: the peer's shortest way. */
async function peerJob(client: GrpcClient): Promise<void> {
  const { path, requestSerialize, responseDeserialize } = A2AService.sendMessage;
  const content = { $case: "text" as const, value: "work" };
  const message = {
    messageId: randomUUID(),
    contextId: "",
    taskId: "",
    role: Role.ROLE_USER,
    parts: [{ content, metadata: {}, filename: "", mediaType: "" }],
    metadata: {},
    extensions: [],
    referenceTaskIds: [],
  };
  const request = requestSerialize({ tenant: "", message, configuration: undefined, metadata: {} });
  const { payload } = responseDeserialize(await client.unary(path, request));
  const state = payload?.$case === "task" ? payload.value.status?.state : undefined;
  if (state !== PeerState.TASK_STATE_COMPLETED) throw new Error("a job of the peer failed");
}

async function jobs(
  server: ChildServer,
  job: (client: GrpcClient) => Promise<void>,
  { url = server.url, headers }: { url?: string; headers?: Record<string, string> } = {},
): Promise<Rate> {
  await using opened = await connections(url, connectionCount, headers);
  const work = async (worker: number) => {
    const client = opened.clients[worker % connectionCount];
    if (client) await job(client);
  };
  return await rateOf(server, () => closedLoop(concurrency, seconds, work));
}

export const job: Figure = {
  name: "job",
  title: `A job from its creation to its seen completion, ${concurrency} at a time, over gRPC`,
  async measure(bench) {
    await using pigeonhole = await startPigeonhole(bench);
    await using inMemory = await startServer("a2a-server.ts", ["memory"]);
    await using onSqlite = await startServer("a2a-server.ts", ["sqlite", join(bench.directory, "peer.db")]);
    const headers = { "a2a-version": "1.0" };
    const variants = {
      pigeonhole: () => jobs(pigeonhole, pigeonholeJob),
      door: () => jobs(pigeonhole, pigeonholeJob, { url: pigeonhole.grpcUrl }),
      onSqlite: () => jobs(onSqlite, peerJob, { headers }),
      inMemory: () => jobs(inMemory, peerJob, { headers }),
    };
    await interleave(1, variants); // Warms up.
    const rates = await interleave(bench.rounds, variants);
    const to = (ours: readonly Rate[], peers: readonly Rate[]) => ratios(perSecond(ours), perSecond(peers));
    return [
      ...rateRows("Pigeonhole, SQLite", "jobs/s", rates.pigeonhole),
      ...rateRows("Pigeonhole's gRPC door, SQLite", "jobs/s", rates.door),
      ...rateRows("@a2a-js/sdk, its SQLite store", "jobs/s", rates.onSqlite),
      ...rateRows("@a2a-js/sdk, in memory", "jobs/s", rates.inMemory),
      row("Pigeonhole to the peer on SQLite", "ratio", to(rates.pigeonhole, rates.onSqlite), { atLeast: 5 }),
      row("Pigeonhole's gRPC door to the peer on SQLite", "ratio", to(rates.door, rates.onSqlite), {
        atLeast: 5,
      }),
      row("Pigeonhole to the peer in memory", "ratio", to(rates.pigeonhole, rates.inMemory)),
    ];
  },
};
