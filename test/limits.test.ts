import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { describe, expect, it } from "vitest";
import { ErrorInfoSchema, PartSchema, RetryInfoSchema, TaskService } from "../src/proto.ts";
import { type LimitName, type Limits, systemClock } from "../src/server/index.ts";
import { isLoopback } from "../src/server/require-safe-address.ts";
import { startServer } from "./service-server.ts";

/** Starts a server with some limits, and a client of it; notes the limits that are reached. */
async function startLimited(limits: Partial<Limits>) {
  const reached: LimitName[] = [];
  let skew = 0;
  const clock = { ...systemClock, now: () => systemClock.now() + skew };
  const server = await startServer({ limits, clock, onLimit: (limit) => reached.push(limit) });
  const tasks = createClient(TaskService, createGrpcTransport({ baseUrl: server.url }));
  const pass = (time: number) => {
    skew += time;
  };
  return { tasks, reached, pass, url: server.url, [Symbol.asyncDispose]: () => server.close() };
}

type Rig = Awaited<ReturnType<typeof startLimited>>;

async function newTask({ tasks }: Rig, name = ""): Promise<string> {
  return (await tasks.createTask({ agent: "desk", name })).task?.id ?? "";
}

function text(value: string) {
  return create(PartSchema, { content: { case: "text", value } });
}

/** Gives what an error tells a program. */
async function refusal(call: Promise<unknown>) {
  const error = ConnectError.from(
    await call.then(
      () => undefined,
      (thrown) => thrown,
    ),
  );
  const [info] = error.findDetails(ErrorInfoSchema);
  return [error.code, info?.reason, error.findDetails(RetryInfoSchema).length];
}

describe("an event", () => {
  it("has no more parts, and is nested no deeper, than the operator allows", async () => {
    await using rig = await startLimited({ maxParts: 2, maxDepth: 2 });
    const taskId = await newTask(rig);
    const parts = [text("a"), text("b")];
    await rig.tasks.sendEvent({ taskId, parts, metadata: { a: { b: 1 } } });
    const tooMany = rig.tasks.sendEvent({ taskId, parts: [...parts, text("c")] });
    expect(await refusal(tooMany)).toEqual([Code.InvalidArgument, "FIELD_INVALID", 0]);
    const tooDeep = rig.tasks.sendEvent({ taskId, parts, metadata: { a: { b: { c: 1 } } } });
    expect(await refusal(tooDeep)).toEqual([Code.InvalidArgument, "FIELD_INVALID", 0]);
    expect(rig.reached).toEqual(["parts", "depth"]);
  });

  it("has no more bytes than the operator allows", async () => {
    await using rig = await startLimited({ maxMessageBytes: 2_048 });
    const taskId = await newTask(rig);
    const sent = rig.tasks.sendEvent({ taskId, parts: [text("x".repeat(3_000))] });
    expect(await refusal(sent)).toEqual([Code.ResourceExhausted, "REQUEST_TOO_LARGE", 0]);
    expect(rig.reached).toEqual(["message_bytes"]);
  });

  it("finds a mailbox that is full at the operator's bound, whatever the agent's", async () => {
    await using rig = await startLimited({ maxPending: 2 });
    const taskId = await newTask(rig);
    const later = { seconds: BigInt(Math.floor(Date.now() / 1000) + 3600), nanos: 0 };
    const send = () => rig.tasks.sendEvent({ taskId, parts: [text("x")], deliverTime: later });
    await send();
    await send();
    expect(await refusal(send())).toEqual([Code.ResourceExhausted, "MAILBOX_FULL", 1]);
    expect(rig.reached).toEqual(["mailbox"]);
  });
});

describe("unfinished tasks", () => {
  it("are as many as one caller may have, and those that are there are still answered", async () => {
    await using rig = await startLimited({ maxTasks: 2 });
    const { tasks } = rig;
    const named = await newTask(rig, "named");
    const retried = { agent: "desk", requestId: "r" };
    const { task } = await tasks.createTask(retried);
    expect(await newTask(rig, "named")).toBe(named);
    expect(await refusal(tasks.createTask({ agent: "desk" }))).toEqual([
      Code.ResourceExhausted,
      "LIMIT_REACHED",
      1,
    ]);
    expect(await newTask(rig, "named")).toBe(named);
    expect(await tasks.createTask(retried)).toMatchObject({ duplicate: true, task: { id: task?.id } });
    expect(rig.reached).toEqual(["tasks"]);
    await tasks.cancelTask({ taskId: named });
    const ended = tasks.subscribeTask({ taskId: named });
    for await (const _ of ended);
    rig.pass(1_000);
    await newTask(rig);
  });

  it("are no more than that when many are made at once after one has ended", async () => {
    await using rig = await startLimited({ maxTasks: 2 });
    const { tasks } = rig;
    const parentTaskId = await newTask(rig);
    const taskId = await newTask(rig);
    await tasks.cancelTask({ taskId });
    for await (const _ of tasks.subscribeTask({ taskId }));
    rig.pass(1_000);
    // All of them look for their parent first, and find it together.
    const creations = Array.from({ length: 40 }, () => tasks.createTask({ agent: "desk", parentTaskId }));
    const made = (await Promise.allSettled(creations)).filter(({ status }) => status === "fulfilled");
    expect(made).toHaveLength(1);
  });
});

describe("subscriptions", () => {
  it.each([
    ["maxSubscriptions", "subscriptions"],
    ["maxConnectionSubscriptions", "connection_subscriptions"],
  ])("are no more than %s, and make room when they end", async (limit, name) => {
    await using rig = await startLimited({ [limit]: 1 });
    const taskId = await newTask(rig);
    const begin = async () => {
      const controller = new AbortController();
      const updates = rig.tasks.subscribeTask({ taskId }, { signal: controller.signal });
      const iterator = updates[Symbol.asyncIterator]();
      await iterator.next();
      return async () => {
        controller.abort();
        await iterator.next().catch(() => {});
      };
    };
    const end = await begin();
    expect(await refusal(begin())).toEqual([Code.ResourceExhausted, "OVERLOADED", 1]);
    expect(rig.reached).toEqual([name]);
    await end();
    let again = await begin().catch(() => undefined);
    while (again === undefined) again = await begin().catch(() => undefined);
    await again();
  });
});

describe("requests", () => {
  it("come no faster than they may, from one address", async () => {
    await using rig = await startLimited({ requestRate: 2 });
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => refusal(rig.tasks.getTask({ key: { case: "taskId", value: "t" } }))),
    );
    const refused = answers.filter(([code]) => code === Code.ResourceExhausted);
    expect(refused.length).toBeGreaterThanOrEqual(3);
    expect(new Set(refused.map(String))).toEqual(
      new Set([String([Code.ResourceExhausted, "OVERLOADED", 1])]),
    );
    expect(new Set(rig.reached)).toEqual(new Set(["request_rate"]));
  });
});

describe("a limit", () => {
  it("is named in the refusal as it is in the metrics", async () => {
    const limits = { maxParts: 1, maxDepth: 1, maxMessageBytes: 2_048, maxPending: 1, maxTasks: 1 };
    await using rig = await startLimited(limits);
    const taskId = await newTask(rig);
    const deliverTime = { seconds: BigInt(Math.floor(Date.now() / 1000) + 3600), nanos: 0 };
    const send = (value: string, count = 1, metadata = {}) =>
      rig.tasks.sendEvent({ taskId, parts: Array(count).fill(text(value)), metadata, deliverTime });
    await send("x");
    const refused = [
      () => send("x", 2),
      () => send("x", 1, { a: { b: 1 } }),
      () => send("x".repeat(3_000)),
      () => send("x"),
      () => rig.tasks.createTask({ agent: "desk" }),
    ];
    const named: unknown[] = [];
    for (const call of refused) {
      const error = ConnectError.from(await call().catch((thrown: unknown) => thrown));
      named.push(error.findDetails(ErrorInfoSchema)[0]?.metadata.limit);
    }
    expect(named).toEqual(["parts", "depth", "message_bytes", "mailbox", "tasks"]);
    expect(rig.reached).toEqual(named);
  });

  it("that is out of its bounds is named at the start, with them", async () => {
    await expect(startServer({ limits: { maxParts: 65 } })).rejects.toMatchObject({
      reason: "VALUE_INVALID",
      message: "limits.maxParts must be a whole number from 1 to 64, not 65",
    });
  });
});

describe("an address that other machines reach", () => {
  it.each([
    ["nobody is asked who he is", { insecure: true }, ["everybody who can reach the server may call"]],
    ["tokens pass unencrypted", { auth: {} }, ["what callers show to prove who they are passes unencrypted"]],
    [
      "neither more nor less, with both",
      { auth: {}, insecure: true },
      ["what callers show to prove who they are passes unencrypted"],
    ],
    ["nothing on loopback", { auth: {}, host: "127.0.0.1" }, []],
  ])("is told of in the log: %s", async (_, options, said) => {
    const warned: string[] = [];
    const log = { info() {}, warn: (message: string) => void warned.push(message), error() {} };
    await using _server = await startServer({ host: "0.0.0.0", log, ...options });
    expect(warned).toEqual(said);
  });

  it("is listened on only if callers have to show who they are, or the operator says so", async () => {
    await expect(startServer({ host: "0.0.0.0" })).rejects.toMatchObject({
      reason: "VALUE_INVALID",
      message: expect.stringMatching(/--auth.*--tls-client-ca.*127\.0\.0\.1.*--insecure/),
    });
    await using server = await startServer({ host: "0.0.0.0", insecure: true });
    expect(server.host).toBe("0.0.0.0");
  });

  it("is every one that is not loopback for certain", () => {
    const loopback = ["127.0.0.1", "127.8.9.10", "::1", "localhost"];
    const other = [
      "0.0.0.0",
      "::",
      "",
      "10.0.0.1",
      "127.0.0.1.example",
      "localhost.example",
      "::ffff:127.0.0.1",
    ];
    expect(loopback.map(isLoopback)).toEqual(loopback.map(() => true));
    expect(other.map(isLoopback)).toEqual(other.map(() => false));
  });
});
