import { once } from "node:events";
import { connect, constants } from "node:http2";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { describe, expect, it } from "vitest";
import { TaskService, TokenService } from "../src/proto.ts";
import { startRig } from "./agents/rig.ts";
import { startAuthRig } from "./auth-rig.ts";
import { connectRaw, frame, frameTypes, headersOfCall, preface } from "./http-raw.ts";
import { send } from "./http-rig.ts";
import { scrape } from "./scrape.ts";
import { startServer } from "./service-server.ts";

/** How many calls of each method have ended with each code, as in `TaskService/GetTask NOT_FOUND`. */
async function calls(port: number | undefined): Promise<Record<string, number>> {
  const name = /^pigeonhole_rpc_calls_total{service="pigeonhole.v1.(.*)",method="(.*)",code="(.*)"}$/;
  const found = [...(await scrape(port))].flatMap(([key, count]) => {
    const [, service, method, code] = name.exec(key) ?? [];
    return service === undefined ? [] : [[`${service}/${method} ${code}`, count] as const];
  });
  return Object.fromEntries(found);
}

const toEnd = async (updates: AsyncIterable<unknown>) => void (await Array.fromAsync(updates));

describe("calls that are refused before they are read are counted with their code", () => {
  it("when their caller does not show who it is, or may not call, at every door", async () => {
    await using rig = await startAuthRig({ grpcPort: 0, metricsPort: 0 });
    const transports = [
      createConnectTransport({ baseUrl: rig.url, httpVersion: "1.1" }),
      createGrpcTransport({ baseUrl: rig.url }),
      createGrpcTransport({ baseUrl: rig.grpcUrl }),
    ];
    const headers = { authorization: `Bearer ${rig.tokens.alice}` };
    for (const transport of transports) {
      const tasks = createClient(TaskService, transport);
      await expect(tasks.listTasks({})).rejects.toThrow();
      await expect(toEnd(tasks.subscribeTask({ taskId: "t" }))).rejects.toThrow();
      await expect(createClient(TokenService, transport).listTokens({}, { headers })).rejects.toThrow();
      await tasks.listTasks({}, { headers });
    }
    expect(await calls(rig.metricsPort)).toEqual({
      "TaskService/ListTasks UNAUTHENTICATED": 3,
      "TaskService/SubscribeTask UNAUTHENTICATED": 3,
      "TokenService/ListTokens PERMISSION_DENIED": 3,
      "TaskService/ListTasks OK": 3,
    });
    const figures = await scrape(rig.metricsPort);
    const duration =
      'pigeonhole_rpc_duration_seconds_count{service="pigeonhole.v1.TaskService",method="ListTasks"}';
    expect(figures.get(duration)).toBe(3);
    expect(
      figures.get('pigeonhole_rpc_streams{service="pigeonhole.v1.TaskService",method="SubscribeTask"}') ?? 0,
    ).toBe(0);
  });

  it("when they name a host that the server has not", async () => {
    await using rig = await startRig({}, { metricsPort: 0 });
    const headers = { host: "evil.example", "content-type": "application/json" };
    for (const name of ["ListTasks", "SubscribeTask"]) {
      const path = `/pigeonhole.v1.TaskService/${name}`;
      expect((await send(rig, { httpVersion: 1, path, headers, body: "{}" })).status).toBe(403);
    }
    expect(await calls(rig.metricsPort)).toEqual({
      "TaskService/ListTasks PERMISSION_DENIED": 1,
      "TaskService/SubscribeTask PERMISSION_DENIED": 1,
    });
  });

  it("when they are too many", async () => {
    await using rig = await startRig({}, { metricsPort: 0, limits: { requestRate: 1 } });
    const get = () => rig.tasks.get("unknown").catch(() => {});
    await Promise.all([get(), get(), get()]);
    const counted = await calls(rig.metricsPort);
    expect(counted["TaskService/GetTask RESOURCE_EXHAUSTED"]).toBeGreaterThanOrEqual(1);
    const {
      "TaskService/GetTask NOT_FOUND": taken = 0,
      "TaskService/GetTask RESOURCE_EXHAUSTED": refused = 0,
    } = counted;
    expect(taken + refused).toBe(3);
  });

  it("when they cannot be read", async () => {
    await using rig = await startRig({}, { metricsPort: 0 });
    const body = "{";
    const headers = { "content-type": "application/json" };
    await fetch(`${rig.url}/pigeonhole.v1.TaskService/GetTask`, { method: "POST", headers, body });
    expect(await calls(rig.metricsPort)).toEqual({ "TaskService/GetTask INVALID_ARGUMENT": 1 });
  });

  it("when their caller is gone before they begin, at the gRPC door", async () => {
    await using server = await startServer({ grpcPort: 0, metricsPort: 0 });
    const raw = await connectRaw({ port: Number(new URL(server.grpcUrl ?? "").port) });
    const frames = ["GetTask", "SubscribeTask"].flatMap((name, index) => {
      const headers = headersOfCall(`/pigeonhole.v1.TaskService/${name}`, "application/grpc");
      const id = 2 * index + 1;
      const reset = frame(frameTypes.reset, 0, id, Buffer.from([0, 0, 0, constants.NGHTTP2_CANCEL]));
      return [frame(frameTypes.headers, 4, id, headers), reset];
    });
    const goAway = frame(frameTypes.goAway, 0, 0, Buffer.alloc(8));
    raw.write(Buffer.concat([preface, frame(frameTypes.settings), ...frames, goAway]));
    await raw.closed;
    expect(await calls(server.metricsPort)).toEqual({
      "TaskService/GetTask CANCELLED": 1,
      "TaskService/SubscribeTask CANCELLED": 1,
    });
  });

  it("when they cannot be read at the gRPC door", async () => {
    await using rig = await startAuthRig({ grpcPort: 0, metricsPort: 0 });
    const session = connect(rig.grpcUrl);
    for (const method of ["GetTask", "SubscribeTask"]) {
      const stream = session.request({
        ":method": "POST",
        ":path": `/pigeonhole.v1.TaskService/${method}`,
        "content-type": "application/grpc",
        te: "trailers",
        authorization: `Bearer ${rig.tokens.alice}`,
      });
      // A message of one byte, which is no message.
      stream.end(Buffer.from([0, 0, 0, 0, 1, 0xff]));
      await once(stream.resume(), "end");
    }
    session.destroy();
    expect(await calls(rig.metricsPort)).toEqual({
      "TaskService/GetTask INVALID_ARGUMENT": 1,
      "TaskService/SubscribeTask INVALID_ARGUMENT": 1,
    });
  });
});
