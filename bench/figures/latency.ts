import { setTimeout as sleep } from "node:timers/promises";
import { TaskService } from "../../src/proto.ts";
import { type Figure, interleave, row } from "../figure.ts";
import { type GrpcClient, grpcClient } from "../grpc-client.ts";
import { createTasks, startPigeonhole, textPart } from "../pigeonhole.ts";
import { ask, follow } from "../rpc.ts";
import { percentile } from "../stats.ts";

const sends = 200;
const pauseMs = 5;

/** Sends events one after the other, and measures from each send until a subscriber has the agent's reply, in milliseconds. */
async function roundTrips(client: GrpcClient): Promise<number[]> {
  const [taskId = ""] = await createTasks(client, "echo", 1);
  const { subscribeTask, sendEvent, cancelTask } = TaskService.method;
  let seen = (_text: string) => {};
  const ended = follow(client, subscribeTask, { taskId }, ({ update }) => {
    const content = update?.entry.case === "message" ? update.entry.value.parts[0]?.content : undefined;
    if (content?.case === "text") seen(content.value);
  });
  const times: number[] = [];
  for (let send = 0; send < sends; send++) {
    const reply = new Promise<void>((resolve) => {
      seen = (text) => {
        if (text === String(send)) resolve();
      };
    });
    const begin = performance.now();
    await Promise.all([reply, ask(client, sendEvent, { taskId, parts: [textPart(String(send))] })]);
    times.push(performance.now() - begin);
    await sleep(pauseMs);
  }
  await ask(client, cancelTask, { taskId });
  await ended;
  return times;
}

export const latency: Figure = {
  name: "latency",
  title: "From a send to the subscriber's seeing the reply, one at a time",
  async measure(bench) {
    await using server = await startPigeonhole(bench);
    await using client = await grpcClient(server.url);
    await roundTrips(client); // Warms up.
    const { times } = await interleave(bench.rounds, { times: () => roundTrips(client) });
    const at = (percent: number) => times.map((round) => percentile(round, percent));
    return [row("p50", "ms", at(50)), row("p99", "ms", at(99), { atMost: 15 })];
  },
};
