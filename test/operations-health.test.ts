import { once } from "node:events";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Client, type ClientReadableStream, credentials } from "@grpc/grpc-js";
import { service as health } from "grpc-health-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { AgentService, ScheduleService, TaskService, TokenService, WebhookService } from "../src/proto.ts";
import { operationServices } from "../src/server/operations.ts";
import { createReadiness } from "../src/server/readiness.ts";
import { createGrpcClient, failureOf, statusOf } from "./grpc-js-client.ts";
import { createManualClock } from "./manual-clock.ts";
import { present, text } from "./service-follow.ts";
import { startServer } from "./service-server.ts";
import { openStore, tempDir } from "./temp-dir.ts";

const services = [TaskService, AgentService, ScheduleService, TokenService, WebhookService].map(
  ({ typeName }) => typeName,
);

/** Asks for the health of a server with what gRPC's own package knows of it. */
function createHealthClient(port: number) {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  onTestFinished(() => client.close());
  const call = (method: "Check" | "List", request: object) =>
    new Promise<unknown>((resolve, reject) => {
      const { path, requestSerialize, responseDeserialize } = present(health[method]);
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, (error, answer) =>
        error === null ? resolve(answer) : reject(error),
      );
    });
  return {
    check: (service: string) => call("Check", { service }),
    list: () => call("List", {}),
    watch(service: string) {
      const { path, requestSerialize, responseDeserialize } = present(health.Watch);
      return client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, { service });
    },
  };
}

async function next(stream: ClientReadableStream<unknown>): Promise<unknown> {
  const [message] = await once(stream, "data");
  return message;
}

async function readyz(url: string): Promise<[number, string]> {
  const response = await fetch(`${url}/readyz`);
  return [response.status, (await response.text()).trim()];
}

describe("grpc.health.v1", () => {
  it("tells that the server and each of its services are serving, and knows no others", async () => {
    await using server = await startServer();
    const { check, list, watch } = createHealthClient(server.port);
    for (const service of ["", ...services]) expect(await check(service)).toEqual({ status: "SERVING" });
    expect(await list()).toEqual({
      statuses: Object.fromEntries(["", ...services].map((service) => [service, { status: "SERVING" }])),
    });
    const failure = await failureOf(check("pigeonhole.v1.TaskServise"));
    expect(statusOf(failure)).toMatchObject({ code: 5, details: [{ reason: "SERVICE_NOT_FOUND" }, {}] });
    const unknown = watch("constructor");
    expect(await next(unknown)).toEqual({ status: "SERVICE_UNKNOWN" });
    unknown.on("error", () => {}).cancel();
    expect(server.defects).toEqual([]);
  });

  it("is for everybody, as is reflection", () => {
    expect(operationServices.map(({ typeName }) => typeName)).toEqual([
      "grpc.health.v1.Health",
      "grpc.reflection.v1.ServerReflection",
      "grpc.reflection.v1alpha.ServerReflection",
    ]);
  });
});

describe("a server that drains", () => {
  it("says so first, takes requests for a while, and then ends what has no end", async () => {
    const clock = createManualClock();
    const server = await startServer({ clock, drainDelay: 5000 });
    const { check, watch } = createHealthClient(server.port);
    const rpc = createGrpcClient(`127.0.0.1:${server.port}`);
    onTestFinished(() => rpc.close());
    const { createTask, sendEvent, subscribeTask } = TaskService.method;
    const { task } = await rpc.unary(createTask, { agent: "desk" }).answer;
    const { id: taskId } = present(task);
    const log = rpc.stream(subscribeTask, { taskId });
    const logEnd = failureOf(once(log, "end"));
    const watching = watch("");
    const unknown = watch("?");
    const ends = [failureOf(once(watching, "end")), failureOf(once(unknown, "end"))];
    expect([await next(watching), await next(unknown)]).toMatchObject([{ status: "SERVING" }, {}]);
    expect(await readyz(server.url)).toEqual([200, "ok"]);

    const closing = server.close();
    expect(await next(watching)).toEqual({ status: "NOT_SERVING" });
    expect(await check(TaskService.typeName)).toEqual({ status: "NOT_SERVING" });
    const latecomer = watch("");
    ends.push(failureOf(once(latecomer, "end")));
    expect(await next(latecomer)).toEqual({ status: "NOT_SERVING" });
    expect(await readyz(server.url)).toEqual([503, "draining"]);
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
    await rpc.unary(sendEvent, { taskId, parts: [text("late")] }).answer;
    for await (const [{ update }] of on(log)) {
      const { entry } = present(update);
      if (entry?.case === "message" && entry.value.parts[0]?.content.value === "late") break;
    }

    await clock.armed(5000);
    clock.advance(5000);
    for (const end of [logEnd, ...ends]) {
      expect(statusOf(await end)).toMatchObject({ code: 14, details: [{ reason: "SERVER_STOPPING" }, {}] });
    }
    await closing;
    await server.close();
    expect(server.defects).toEqual([]);
  });

  it.each([{ drain: -1 }, { drainDelay: 3_600_001 }, { drainDelay: Number.NaN }, { heartbeat: 0 }])(
    "does not begin with %j",
    async (options) => {
      const [name] = Object.keys(options);
      await expect(startServer(options)).rejects.toThrow(new RegExp(`^${name} must be from [01] to \\d+ ms`));
    },
  );
});

describe("/readyz", () => {
  it("waits two seconds for a store that does not answer", async () => {
    const path = join(tempDir(), "held.db");
    const clock = createManualClock();
    await using server = await startServer({ clock, store: `sqlite:${path}` });
    const other = new DatabaseSync(path);
    other.exec("begin immediate");
    const asked = readyz(server.url);
    await clock.armed(2000);
    clock.advance(2000);
    expect(await asked).toEqual([503, "the store does not answer"]);
    other.exec("rollback");
    other.close();
    expect(await readyz(server.url)).toEqual([200, "ok"]);
  });

  it("tells a store that has too much to do from one that cannot be used", async () => {
    const path = join(tempDir(), "busy.db");
    const store = await openStore(path);
    const clock = createManualClock();
    const ready = createReadiness(store, clock, new AbortController().signal);
    using other = new DatabaseSync(path);
    other.exec("begin immediate");
    const calls = Array.from({ length: 16_384 }, () => store.fireTimers({ now: clock.now(), limit: 0 }));
    expect(await ready()).toBe("the store is overloaded");
    other.exec("rollback");
    await Promise.all(calls);
    expect(await ready()).toBe(undefined);
    await store.close();
    expect(await ready()).toBe("the store is unavailable");
  });
});

/** Yields what a stream gives from here on. */
async function* on<T>(stream: ClientReadableStream<T>): AsyncIterable<[T]> {
  for (;;) {
    const [message] = await once(stream, "data");
    yield [message];
  }
}
