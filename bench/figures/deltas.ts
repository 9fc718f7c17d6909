import { fromBinary } from "@bufbuild/protobuf";
import { type Delta, SubscribeTaskResponseSchema, TaskService } from "../../src/proto.ts";
import { type Figure, interleave, type Row, row } from "../figure.ts";
import type { GrpcClient } from "../grpc-client.ts";
import { connections, createTasks, startPigeonhole, textPart } from "../pigeonhole.ts";
import { ask, encode, pathOf } from "../rpc.ts";
import { percentile } from "../stats.ts";

interface Stream {
  /** Words that reached all subscribers together, a second. */
  words: number;
  /** Deltas that reached all subscribers together, a second. Fewer than words where deltas were merged. */
  deltas: number;
  /** From an agent's writing a word to a subscriber's reading it, in milliseconds. */
  p50: number;
  p99: number;
}

const { subscribeTask, sendEvent } = TaskService.method;
const sampled = 10;

/** Has an agent stream words to subscribers of one task, until each stream has ended OK. */
async function stream(
  clients: readonly GrpcClient[],
  subscribers: number,
  words: number,
  pauseMs: number,
): Promise<Stream> {
  const [first] = clients;
  if (!first) throw new Error("no connection");
  const [taskId = ""] = await createTasks(first, "words", 1);
  const request = encode(subscribeTask, { taskId });
  const latencies: number[] = [];
  let received = 0;
  let reading = 0;
  let allRead = () => {};
  const subscribed = new Promise<void>((resolve) => {
    allRead = resolve;
  });

  const ends = Array.from({ length: subscribers }, (_, index) => {
    let begun = false;
    return (clients[index % clients.length] ?? first).call(pathOf(subscribeTask), request, (bytes) => {
      received++;
      if (!begun && ++reading === subscribers) allRead();
      begun = true;
      if (index < sampled) latencies.push(...wordLatencies(bytes));
    });
  });
  await subscribed;
  received = 0;
  const begin = performance.now();
  await ask(first, sendEvent, { taskId, parts: [textPart(`${words} ${pauseMs}`)] });
  await Promise.all(ends);
  const seconds = (performance.now() - begin) / 1_000;
  const sampleSize = words * Math.min(sampled, subscribers);
  if (latencies.length !== sampleSize) throw new Error(`${latencies.length} words came, not ${sampleSize}`);
  return {
    words: (words * subscribers) / seconds,
    deltas: received / seconds,
    p50: percentile(latencies, 50),
    p99: percentile(latencies, 99),
  };
}

/** Each word is the time at which it was written, by a clock that all processes of a machine share. */
function wordLatencies(bytes: Uint8Array): number[] {
  const now = process.hrtime.bigint();
  const { update } = fromBinary(SubscribeTaskResponseSchema, bytes);
  const text = update?.entry.case === "delta" ? textOf(update.entry.value) : "";
  return (text.match(/\d+/g) ?? []).map((word) => Number(now - BigInt(word)) / 1e6);
}

/** The first delta adds the part, further ones append to it. */
function textOf({ change }: Delta): string {
  if (change.case === "appendText") return change.value;
  return change.case === "part" && change.value.content.case === "text" ? change.value.content.value : "";
}

export const deltas: Figure = {
  name: "deltas",
  title: "A streamed answer to many subscribers of one task",
  async measure(bench) {
    await using server = await startPigeonhole(bench);
    await using opened = await connections(server.url, 10);
    const { clients } = opened;
    const rows: Row[] = [];
    for (const subscribers of [1, 10, 1_000]) {
      const flat = subscribers === 1_000 ? 2_000 : 20_000;
      const results = await interleave(bench.rounds, {
        fast: () => stream(clients, subscribers, flat, 0),
        paced: () => stream(clients, subscribers, 100, 20),
      });
      const label = `${subscribers} subscriber${subscribers > 1 ? "s" : ""}`;
      const fast = (pick: (result: Stream) => number) => results.fast.map(pick);
      const paced = (pick: (result: Stream) => number) => results.paced.map(pick);
      rows.push(
        row(
          `${label}, at full speed`,
          "words/s",
          fast((result) => result.words),
        ),
        row(
          `${label}, at full speed: deltas`,
          "deltas/s",
          fast((result) => result.deltas),
        ),
        row(
          `${label}, a word every 20 ms`,
          "words/s",
          paced((result) => result.words),
        ),
        row(
          `${label}, a word every 20 ms: deltas`,
          "deltas/s",
          paced((result) => result.deltas),
        ),
        row(
          `${label}, a word every 20 ms: write to read, p50`,
          "ms",
          paced((result) => result.p50),
        ),
        row(
          `${label}, a word every 20 ms: write to read, p99`,
          "ms",
          paced((result) => result.p99),
        ),
      );
    }
    return rows;
  },
};
