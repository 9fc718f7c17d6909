import { ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { describe, expect, it } from "vitest";
import { TaskService } from "../src/proto.ts";
import type { LimitName } from "../src/server/index.ts";
import { all, outcome, startAuthRig } from "./auth-rig.ts";
import { reasonOf } from "./http-rig.ts";

const limits = { requestRate: 1 };

/** Calls at once, many times more than may come in a second. Gives how each ended. */
const many = (call: () => Promise<string>) => Promise.all(Array.from({ length: 6 }, call));

const reasonOfCall = (call: Promise<unknown>) =>
  call.then(
    () => "ok",
    (error: unknown) => reasonOf(ConnectError.from(error)) ?? "",
  );

/** Subscribes to a task that is not there, with a token. Gives what that is refused with. */
const subscribe = (baseUrl: string, token: string) => {
  const tasks = createClient(TaskService, createGrpcTransport({ baseUrl }));
  const headers = { authorization: `Bearer ${token}` };
  return reasonOfCall(Array.fromAsync(tasks.subscribeTask({ taskId: "none" }, { headers })));
};

describe("subscribers that show who they are", () => {
  it("are each held to a rate of their own, wherever they come from", async () => {
    await using rig = await startAuthRig({ limits, grpcPort: 0 });
    const { alice, bob, worker, ops } = rig.tokens;
    const [first, second] = [
      [alice, bob].map((token) => subscribe(rig.url, token)),
      [worker, ops].map((token) => subscribe(rig.grpcUrl, token)),
    ];
    const reasons = await Promise.all([...first, ...second]);
    expect(new Set(reasons)).toEqual(new Set(["TASK_NOT_FOUND"]));
    expect(await many(() => subscribe(rig.url, alice))).toContain("OVERLOADED");
  });
});

describe("callers that do not show who they are", () => {
  it("are held to the rate of their address, which is none of a good caller's", async () => {
    const reached: LimitName[] = [];
    await using rig = await startAuthRig({ limits, onLimit: (limit) => reached.push(limit) });
    const list = (token?: string) => outcome(all(rig.with(token).tasks.list()));
    const strangers = many(() => list("pgh_wrong"));
    expect(await list(rig.tokens.alice)).toBe("ok");
    const refused = (await strangers).filter((reason) => reason === "OVERLOADED");
    expect(refused.length).toBeGreaterThanOrEqual(3);
    expect(await strangers).toContain("CREDENTIALS_INVALID");
    expect(reached).toEqual(refused.map(() => "request_rate"));
  });

  it("are so at the gRPC door too, and if they show who they are and may not call", async () => {
    await using rig = await startAuthRig({ limits, grpcPort: 0 });
    const tasks = createClient(TaskService, createGrpcTransport({ baseUrl: rig.grpcUrl }));
    expect(await many(() => reasonOfCall(tasks.listTasks({})))).toContain("OVERLOADED");
    expect(await many(() => subscribe(rig.grpcUrl, "pgh_wrong"))).toContain("OVERLOADED");
    expect(await many(() => outcome(all(rig.as.alice.tokens.list())))).toContain("OVERLOADED");
  });
});

describe("browsers that ask whether they may", () => {
  it("are held to the rate of their address", async () => {
    await using rig = await startAuthRig({ limits, corsOrigins: ["https://a.example"] });
    const headers = { origin: "https://a.example", "access-control-request-method": "POST" };
    const ask = async () => {
      const path = "/pigeonhole.v1.TaskService/ListTasks";
      return String((await fetch(`${rig.url}${path}`, { method: "OPTIONS", headers })).status);
    };
    const answers = await many(ask);
    expect(answers).toContain("204");
    expect(answers).toContain("429");
  });
});
