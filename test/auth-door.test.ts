import { create, type DescMethod, type DescMethodStreaming, type DescMethodUnary } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createAsyncIterable } from "@connectrpc/connect/protocol";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  AgentService,
  ScheduleService,
  TaskPermission,
  TaskService,
  TokenService,
  WebhookService,
} from "../src/proto.ts";
import { type AuthRig, startAuthRig } from "./auth-rig.ts";
import { reasonOf } from "./http-rig.ts";

let rig: AuthRig;
beforeAll(async () => {
  rig = await startAuthRig({ grpcPort: 0 });
});
afterAll(() => rig[Symbol.asyncDispose]());

const { SUBSCRIBE } = TaskPermission;

/** The gRPC door, called with a token. */
function doorWith(token: string) {
  const tasks = createClient(TaskService, createGrpcTransport({ baseUrl: rig.grpcUrl }));
  const headers = { authorization: `Bearer ${token}` };
  return {
    get: (taskId: string) => outcome(tasks.getTaskState({ taskId }, { headers })),
    find: (value: string) => outcome(tasks.getTask({ key: { case: "taskId", value } }, { headers })),
    list: () => outcome(tasks.listTasks({}, { headers })),
    follow: (taskId: string) => tasks.subscribeTask({ taskId }, { headers })[Symbol.asyncIterator](),
  };
}

async function outcome(call: Promise<unknown>) {
  return call.then(
    () => "ok",
    (error: unknown) => reasonOf(ConnectError.from(error)),
  );
}

async function toEnd(updates: AsyncIterator<unknown>) {
  while ((await updates.next()).done !== true);
}

/** Every method of the server's own services. */
const services = [TaskService, AgentService, ScheduleService, TokenService, WebhookService];
const methods: DescMethod[] = services.flatMap((service) => service.methods);

const isUnary = (method: DescMethod): method is DescMethodUnary => method.methodKind === "unary";
const isStream = (method: DescMethod): method is DescMethodStreaming => method.methodKind !== "unary";

/** Calls a method with an empty request. Gives the reason that it fails with, or `ok`. */
async function callAtDoor(method: DescMethod, header: HeadersInit): Promise<string | undefined> {
  const door = createGrpcTransport({ baseUrl: rig.grpcUrl });
  if (isUnary(method)) return outcome(door.unary(method, undefined, undefined, header, create(method.input)));
  if (!isStream(method)) return undefined;
  const requests = createAsyncIterable([create(method.input)]);
  const answers = door.stream(method, undefined, undefined, header, requests);
  return outcome(answers.then(({ message }) => Array.fromAsync(message)));
}

describe("at the gRPC door", () => {
  it.each(methods.map((method): [string, DescMethod] => [`${method.parent.name}.${method.name}`, method]))(
    "%s asks for credentials",
    async (_, method) => {
      expect(await callAtDoor(method, {})).toBe("CREDENTIALS_MISSING");
      expect(await callAtDoor(method, { authorization: "Bearer pgh_wrong" })).toBe("CREDENTIALS_INVALID");
      const forAdmins = method.parent === TokenService;
      const reason = await callAtDoor(method, { authorization: `Bearer ${rig.tokens.alice}` });
      if (forAdmins) expect(reason).toBe("NOT_ALLOWED");
      else expect(reason).not.toMatch(/^(CREDENTIALS_|NOT_ALLOWED|METHOD_UNKNOWN)/);
    },
  );

  it("a caller sees its own tasks alone, and those of others as if they were not there", async () => {
    const { task } = await rig.as.alice.tasks.create({ agent: "clerk" });
    const { alice, bob, ops } = rig.tokens;
    expect(
      await Promise.all([alice, bob, ops, "pgh_wrong"].map((token) => doorWith(token).get(task.id))),
    ).toEqual([...["ok", "TASK_NOT_FOUND", "ok", "CREDENTIALS_INVALID"]]);
    const following = toEnd(doorWith(bob).follow(task.id));
    await expect(following).rejects.toMatchObject({ code: Code.NotFound });
  });

  it("a token for one task is good for that, and its subscription ends with the token that it was made with", async () => {
    const { token, secret } = await rig.as.ops.tokens.create({ principal: "carol" });
    const { task } = await rig.with(secret).tasks.create({ agent: "clerk" });
    const { task: other } = await rig.with(secret).tasks.create({ agent: "clerk" });
    const given = await rig.with(secret).tasks.createToken(task.id, { permissions: [SUBSCRIBE] });
    const door = doorWith(given.token);
    expect([await door.find(task.id), await door.find(other.id), await door.list()]).toEqual([
      ...["ok", "TASK_NOT_FOUND", "NOT_ALLOWED"],
    ]);
    const live = [door, doorWith(secret)].map(({ follow }) => follow(task.id));
    for (const updates of live) await updates.next();
    const ends = live.map((updates) => outcome(toEnd(updates)));
    await rig.as.ops.tokens.revoke(token.id);
    expect(await Promise.all(ends)).toEqual(["CREDENTIALS_INVALID", "CREDENTIALS_INVALID"]);
  });
});
