import { join } from "node:path";
import { createClient } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { TaskService, type TaskUpdate } from "../../src/proto.ts";
import { create, readEnd, send } from "../crash-calls.ts";
import { checkHistory } from "../crash-check.ts";
import { type Clients, perform, type Rpc, reasonOf } from "../crash-clients.ts";
import { answerOf, type SendRequest, type TaskHistory } from "../crash-history.ts";
import { agentPath, runCli, urlOf } from "../crash-process.ts";
import { createRandom, type Random } from "../crash-random.ts";
import { protocols } from "../service-protocols.ts";
import { connectStalled } from "../subscriptions-raw.ts";
import { tempDir } from "../temp-dir.ts";
import { countOf, printCounts, seedOf } from "./faults.ts";
import { subscribeAndReset, subscribeAndStall } from "./vanishing.ts";

const tasks = countOf("CLIENT_TASKS", { short: 2, long: 300 });
const seed = seedOf("CLIENT_SEED");
/** How many of each kind of bad client there are per task. */
const crowd = 20;

describe("a server whose clients vanish, stall, reset their streams and come again another way", () => {
  it(`tells all of them the same (CLIENT_SEED=${seed})`, async () => {
    const random = createRandom(seed);
    const store = `sqlite:${join(tempDir(), "store.db")}`;
    await using process = runCli([
      "serve",
      agentPath("scribe"),
      "--port",
      "0",
      "--grpc-port",
      "0",
      "--store",
      store,
      "--drain",
      "1",
    ]);
    const url = await urlOf(process);
    const [, door = ""] = await process.printed(/to clients of gRPC at (\S+)$/m);
    const urls = { url, grpcUrl: `http://${door}` };
    const ways = protocols.map(({ open }) => createClient(TaskService, open(urls)));
    const [connect] = ways;
    if (connect === undefined) throw new Error("there is no way to the server");
    const alive = {
      rpc: { connect, grpc: connect, grpcWeb: connect },
      ...{ url, doomed: false, troubled: false, log: () => "", gone: process.exited },
    };
    const clients: Clients = {
      servers: { current: async () => alive },
      random,
      now: Date.now,
      progress: () => {},
    };
    const counts = { connections: 0, stalled: 0, vanished: 0, reset: 0 };
    const histories: TaskHistory[] = [];

    for (let n = 0; n < tasks; n++) {
      const creation: TaskHistory["create"] = { requestId: `${n}`, outcomes: [] };
      await perform(clients, creation, create(creation.requestId, undefined));
      const taskId = answerOf(creation)?.id ?? "";
      const followed = Promise.all([wander(taskId), wander(taskId), wander(taskId)]);
      const stalled = await connectStalled(url);
      const stalling = await Promise.all(Array.from({ length: crowd }, () => stalled.subscribe(taskId)));
      const sockets = await Promise.all(Array.from({ length: crowd }, () => subscribeAndStall(url, taskId)));
      const resetting = subscribeAndReset(url, taskId, crowd);
      const sends: SendRequest[] = [..."abcdefgh", "finish"].map((id) => ({
        ...{ requestId: `${n}-${id}`, text: `${id} of ${n}`, outcomes: [] },
        type: id === "finish" ? "finish" : "say",
      }));
      for (const request of sends) {
        await perform(clients, request, send(taskId, request));
        sockets.pop()?.resetAndDestroy();
        sockets.pop()?.destroy();
      }
      await resetting;
      const logs = await followed;
      stalled.open();
      logs.push(...(await Promise.all(stalling.map(({ read }) => read()))));
      stalled.destroy();
      counts.stalled += stalling.length;
      counts.reset += crowd;
      counts.vanished += crowd - sockets.length;
      for (const socket of sockets) socket.destroy();
      histories.push({ create: creation, sends, cancels: [], logs, end: await readEnd(clients, taskId) });
    }
    const violations = checkHistory({
      tasks: histories,
      abandoned: [],
      listed: histories.map(({ end }) => end.task),
    });
    printCounts("Bad clients", { tasks, ...counts, violations: violations.length });
    expect(violations, `CLIENT_SEED=${seed}`).toEqual([]);
    // Nobody who has gone is waited for.
    process.kill("SIGTERM");
    expect(await process.exited).toMatchObject({ code: 0 });

    /** Follows a task to its end, a few entries at a time, each time another way. */
    async function wander(taskId: string): Promise<TaskUpdate[]> {
      const log: TaskUpdate[] = [];
      for (let turn = random.between(0, ways.length); ; turn++) {
        counts.connections += 1;
        if (await readSome(ways[turn % ways.length] ?? alive.rpc.connect, taskId, log, random)) return log;
      }
    }
  });
});

/**
 * Reads on where a log ends, and hangs up after some entries. Resolves with whether it has come to the end. A connection that was opened
 * ahead of its use may be closed as it is used: then it comes again, as subscribers do.
 */
async function readSome(rpc: Rpc, taskId: string, log: TaskUpdate[], random: Random): Promise<boolean> {
  const hangUp = new AbortController();
  let left = random.between(1, 12);
  try {
    const request = { taskId, afterSequence: log.at(-1)?.sequence ?? 0n };
    for await (const { update } of rpc.subscribeTask(request, { signal: hangUp.signal })) {
      if (update === undefined || update.entry.case === "heartbeat") continue;
      log.push(update);
      if (--left === 0) return false;
    }
    return true;
  } catch (error) {
    if (reasonOf(error) !== undefined) throw error;
    return false;
  } finally {
    hangUp.abort();
  }
}
