import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterAll, describe, expect, it } from "vitest";
import { EventState, type TaskUpdate } from "../../src/proto.ts";
import { listTasks, readEnd } from "../crash-calls.ts";
import { checkHistory } from "../crash-check.ts";
import { type Clients, reasonOf, reasonOfStatus } from "../crash-clients.ts";
import { coverageOf } from "../crash-coverage.ts";
import { foldLog } from "../crash-fold.ts";
import type { StoreHistory } from "../crash-history.ts";
import { leadTask } from "../crash-life.ts";
import { createRandom } from "../crash-random.ts";
import { createServerSeries, protocols, type Server } from "../crash-servers.ts";

const directory = mkdtempSync(join(tmpdir(), "pigeonhole-drain-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe("a server that is stopped by SIGTERM", () => {
  it.each([0, 1])("loses nothing under load, not even a turn, %s s after it has told", async (drainDelay) => {
    await using servers = createServerSeries(join(directory, `${drainDelay}.db`), "scribe", {
      args: ["--drain-delay", String(drainDelay)],
    });
    const enough = Promise.withResolvers<void>();
    let told = 0;
    const progress = () => ++told === 150 && enough.resolve();
    const clients: Clients = { servers, random: createRandom(3), now: Date.now, progress };
    await servers.start();
    const lives = Promise.all(["a", "b", "c", "d"].map((name) => leadTask(clients, name)));
    await Promise.race([enough.promise, lives]);
    expect(await servers.stop()).toBe(0);
    await servers.start();

    const history: StoreHistory = { tasks: [], abandoned: [], listed: [] };
    for (const life of await lives) {
      if ("history" in life) history.tasks.push(life.history);
      else history.abandoned.push(life.abandoned);
    }
    history.listed = await listTasks(clients);
    expect(checkHistory(history)).toEqual([]);
    expect(coverageOf([history]).lostTurns).toBe(0);
  });

  it.each(protocols)(
    "ends a subscription with SERVER_STOPPING, over %s, which goes on at the next",
    async (protocol) => {
      await using servers = createServerSeries(join(directory, `${protocol}.db`), "scribe");
      const server = await servers.start();
      const taskId = await createTask(server);
      const { log, failure } = watch(server, protocol, taskId, 0n);
      await log.find(({ entry }) => entry.case === "heartbeat");
      expect(await servers.stop()).toBe(0);
      const error = ConnectError.from(await failure);
      expect([Code[error.code], reasonOf(error)]).toEqual(["Unavailable", "SERVER_STOPPING"]);

      const next = await servers.start();
      await next.rpc.grpc.cancelTask({ taskId });
      const rest = watch(next, protocol, taskId, log.last());
      expect(await rest.failure).toBeUndefined();
      const read = await readEnd(
        { servers, random: createRandom(1), now: Date.now, progress: () => {} },
        taskId,
      );
      const known = log.all.concat(rest.log.all);
      expect(sequencesOf(known)).toEqual(sequencesOf(read.log));
      expect(foldLog(known)).toEqual(foldLog(read.log));
    },
  );

  it.each(["deaf", "hearing", "obedient"])(
    "gives the turn of a %s handler back to the next server",
    async (type) => {
      await using servers = createServerSeries(join(directory, `${type}.db`), "sleeper", { drain: 0 });
      const server = await servers.start();
      const { task, event } = await server.rpc.grpc.createTask({
        agent: "sleeper",
        event: { parts: [{ content: { case: "text", value: "it" } }], type },
      });
      const taskId = task?.id ?? "";
      await watch(server, "connect", taskId, 0n).log.find(({ entry }) => entry.case === "delta");
      expect(await servers.stop()).toBe(0);

      const next = await servers.start();
      const { log } = watch(next, "connect", taskId, 0n);
      await log.find(({ entry }) => entry.case === "event" && entry.value.state === EventState.PROCESSED);
      const lost = log.all.flatMap(({ entry }) => (entry.case === "superseded" ? [entry.value] : []));
      expect(lost.map(({ eventId, attempt, error }) => [eventId, attempt, reasonOfStatus(error)])).toEqual([
        [event?.id, 1, "TURN_LOST"],
      ]);
      const { messages } = await next.rpc.grpc.listMessages({ taskId });
      expect(messages.map(({ attempt, parts }) => [attempt, parts[0]?.content.value])).toEqual([
        [2, "Attempt 2 at it. Done."],
      ]);
    },
  );
});

/** The sequences of a log without those of deltas, which may be merged. */
function sequencesOf(log: TaskUpdate[]): bigint[] {
  return log
    .filter(({ entry }) => entry.case !== "heartbeat" && entry.case !== "delta")
    .map(({ sequence }) => sequence);
}

async function createTask({ rpc }: Server): Promise<string> {
  const { task } = await rpc.grpc.createTask({ agent: "scribe" });
  return task?.id ?? "";
}

/** Follows a task in the background. `failure` resolves with what ends it, undefined for OK. */
function watch({ rpc }: Server, protocol: (typeof protocols)[number], taskId: string, afterSequence: bigint) {
  const all: TaskUpdate[] = [];
  const arrival = new EventTarget();
  const failure = (async () => {
    try {
      for await (const { update } of rpc[protocol].subscribeTask({ taskId, afterSequence })) {
        if (update !== undefined) all.push(update);
        arrival.dispatchEvent(new Event("update"));
      }
      return undefined;
    } catch (error) {
      return error;
    }
  })();
  const find = (test: (update: TaskUpdate) => boolean) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (!all.some(test)) return;
        arrival.removeEventListener("update", look);
        resolve();
      };
      arrival.addEventListener("update", look);
      look();
    });
  return { log: { all, find, last: () => all.at(-1)?.sequence ?? 0n }, failure };
}
