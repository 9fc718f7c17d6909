import { readdirSync } from "node:fs";
import type { DescField, DescMethod, DescService } from "@bufbuild/protobuf";
import { encodeEnvelope } from "@connectrpc/connect/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TaskPermission } from "../src/client/index.ts";
import { ruleOf } from "../src/server/auth/rules.ts";
import { type AuthRig, type Person, people, startAuthRig } from "./auth-rig.ts";
import { type RawResponse, reasonOf, send, streamFormats, unaryFormats } from "./http-rig.ts";

/** Every service of the protocol, as it was generated. */
const services: DescService[] = [];
const generated = new URL("../gen/pigeonhole/v1/", import.meta.url);
for (const file of readdirSync(generated).filter((name) => name.endsWith("_pb.js"))) {
  const found: Record<string, unknown> = await import(new URL(file, generated).href);
  services.push(...Object.values(found).filter(isService));
}
const methods = services.flatMap((service) => service.methods);
/** Each with its name, as a test is called. */
const named = (some: DescMethod[]) =>
  some.map((method): [string, DescMethod] => [`${method.parent.name}.${method.name}`, method]);

function isService(value: unknown): value is DescService {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "service";
}

/** What a method needs besides the id of a task, so that nothing but that id stands in its way. */
const extra: Record<string, object> = {
  CreateTask: { agent: "clerk" },
  SendEvent: { parts: [{ text: "hello" }] },
  CancelEvent: { eventId: "none" },
  RedriveEvent: { all: true },
  CreateTaskToken: { permissions: ["TASK_PERMISSION_SEND"] },
  CreateWebhook: { url: "http://127.0.0.1:9/" },
  GetAgent: { agent: "clerk" },
  CreateToken: { principal: "somebody" },
  RevokeToken: { tokenId: "none" },
};

/** The field in which a request names a task. */
function taskField({ input }: DescMethod): DescField | undefined {
  return input.fields.find(({ name }) => name === "task_id" || name === "parent_task_id");
}

let rig: AuthRig;
let taskId: string;
let subscribeToken: string;
let sendToken: string;

beforeAll(async () => {
  rig = await startAuthRig();
  const { task } = await rig.as.alice.tasks.create({ agent: "clerk", event: "mine" });
  taskId = task.id;
  const { SUBSCRIBE, SEND } = TaskPermission;
  const tokenFor = async (permission: TaskPermission) =>
    (await rig.as.alice.tasks.createToken(taskId, { permissions: [permission] })).token;
  subscribeToken = await tokenFor(SUBSCRIBE);
  sendToken = await tokenFor(SEND);
});
afterAll(() => rig[Symbol.asyncDispose]());

/** Calls a method over Connect JSON. A stream is heard until it is answered, and no longer. */
async function call(method: DescMethod, body: object, token?: string): Promise<RawResponse | "stream"> {
  const path = `/${method.parent.typeName}/${method.name}`;
  const json = JSON.stringify(body);
  const auth = token === undefined ? {} : { authorization: `Bearer ${token}` };
  if (method.methodKind === "unary") {
    const headers = { ...auth, "content-type": "application/json" };
    return send(rig, { httpVersion: 1, path, headers, body: json });
  }
  const headers = { ...auth, "content-type": "application/connect+json" };
  const hangUp = new AbortController();
  const response = await fetch(`${rig.url}${path}`, {
    ...{ method: "POST", headers, signal: hangUp.signal },
    body: Uint8Array.from(encodeEnvelope(0, new TextEncoder().encode(json))),
  });
  const first = (await response.body?.getReader().read())?.value ?? new Uint8Array();
  hangUp.abort();
  // The first envelope is the end of the stream if it failed, and an update if it did not.
  if (((first[0] ?? 0) & 2) === 0) return "stream";
  return {
    status: response.status,
    headers: response.headers,
    body: Buffer.from(first),
    trailers: new Headers(),
  };
}

async function reasonFor(method: DescMethod, body: object, token?: string): Promise<string> {
  const response = await call(method, body, token);
  if (response === "stream") return "ok";
  const [format] = method.methodKind === "unary" ? unaryFormats : streamFormats;
  const error = format?.errorOf(response);
  return error === undefined ? "ok" : (reasonOf(error) ?? "no reason");
}

describe("every method of every service", () => {
  it("has a rule", () => {
    expect(services.map(({ name }) => name).sort()).toEqual([
      "AgentService",
      "ScheduleService",
      "TaskService",
      "TokenService",
      "WebhookService",
    ]);
    for (const method of methods) {
      const rule = ruleOf(method);
      expect(rule, method.name).not.toBe("public");
      if (rule !== "public") expect(rule.reach.admin, method.name).toBe("any");
    }
  });

  it.each(named(methods))("%s asks for credentials", async (_, method) => {
    expect(await reasonFor(method, {})).toBe("CREDENTIALS_MISSING");
    for (const wrong of ["pgh_wrong", "pgt_wrong.wrong", "a.b.c", "wrong"]) {
      expect(await reasonFor(method, {}, wrong)).toBe("CREDENTIALS_INVALID");
    }
  });

  it.each(named(methods))("%s allows the roles that it is for", async (_, method) => {
    const forAdmins = method.parent.name === "TokenService";
    for (const person of Object.keys(people) as Person[]) {
      const reason = await reasonFor(method, extra[method.name] ?? {}, rig.tokens[person]);
      if (forAdmins && person !== "ops") expect(reason, person).toBe("NOT_ALLOWED");
      else expect(reason, person).not.toMatch(/^(CREDENTIALS_|NOT_ALLOWED|METHOD_UNKNOWN)/);
    }
  });

  it.each(named(methods))("%s takes a token for one task for what that allows", async (_, method) => {
    const own = { ...extra[method.name], taskId };
    const readers = ["SubscribeTask", "GetTask", "ListMessages"];
    const mayRead = readers.includes(method.name);
    const maySend = method.name === "SendEvent";
    if (mayRead || maySend) {
      const other = { ...own, taskId: "0198a000-0000-7000-8000-000000000000" };
      const [good, bad] = mayRead ? [subscribeToken, sendToken] : [sendToken, subscribeToken];
      expect(await reasonFor(method, own, good)).toBe("ok");
      expect(await reasonFor(method, other, good)).toBe("TASK_NOT_FOUND");
      expect(await reasonFor(method, own, bad)).toBe("NOT_ALLOWED");
    } else {
      const field = taskField(method)?.jsonName;
      const body = field === undefined ? {} : { ...extra[method.name], [field]: taskId };
      expect(await reasonFor(method, body, subscribeToken)).toBe("NOT_ALLOWED");
      expect(await reasonFor(method, body, sendToken)).toBe("NOT_ALLOWED");
    }
  });

  const aboutTasks = methods.filter((method) => taskField(method) && !method.name.startsWith("List"));
  const lists = methods.filter((method) => taskField(method) && method.name.startsWith("List"));

  it.each(named(aboutTasks))(
    "%s knows another's task as little as one that is not there",
    async (_, method) => {
      const field = taskField(method)?.jsonName ?? "";
      const unknown = "0198a000-0000-7000-8000-000000000000";
      const answers = [taskId, unknown].map(async (id) => {
        const answer = await call(method, { ...extra[method.name], [field]: id }, rig.tokens.bob);
        if (answer === "stream") return answer;
        const { status, body } = answer;
        // What the details say in base64 they say in plain words too.
        const text = body
          .toString("latin1")
          .replaceAll(id, "ID")
          .replaceAll(/"value":"[^"]*"/g, "");
        return { status, length: body.length, text };
      });
      const [theirs, nobodys] = await Promise.all(answers);
      expect(theirs).toEqual(nobodys);
      expect(JSON.stringify(theirs)).toContain("TASK_NOT_FOUND");
    },
  );

  it.each(named(lists))("%s shows nothing of another's task", async (_, method) => {
    const field = taskField(method)?.jsonName ?? "";
    const answer = await call(method, { [field]: taskId }, rig.tokens.bob);
    expect(answer === "stream" ? "" : answer.body.toString()).toMatch(/^\{\}$|TASK_NOT_FOUND/);
  });
});

describe("what is no RPC", () => {
  const routes = [
    ["GET", "/healthz", 200],
    ["GET", "/", 200],
    ["GET", "/assets/none.js", 404],
    ["GET", "/index.php", 404],
    ["POST", "/webhooks/clerk/door", 202],
    ["POST", "/webhooks/clerk/none", 404],
    ["POST", "/pigeonhole.v1.TaskService/Unknown", 404],
  ] as const;

  it.each(routes)("%s %s answers %i with and without a token", async (method, path, status) => {
    for (const token of [undefined, "pgh_wrong", rig.tokens.alice, rig.tokens.ops]) {
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const response = await fetch(`${rig.url}${path}`, { method, headers });
      await response.arrayBuffer();
      // The console's page is there once it was built.
      if (path === "/") expect([200, 404]).toContain(response.status);
      else if (path.endsWith("door")) expect([200, 202]).toContain(response.status);
      else expect(response.status).toBe(status);
    }
  });

  it("a refusal says how to authenticate", async () => {
    const path = "/pigeonhole.v1.TaskService/ListTasks";
    const refused = async (headers: Record<string, string>) => {
      const response = await fetch(`${rig.url}${path}`, {
        ...{ method: "POST", body: "{}", headers: { ...headers, "content-type": "application/json" } },
      });
      await response.arrayBuffer();
      return [response.status, response.headers.get("www-authenticate")];
    };
    expect(await refused({})).toEqual([401, 'Bearer realm="pigeonhole"']);
    const invalid = [401, 'Bearer realm="pigeonhole", error="invalid_token"'];
    expect(await refused({ authorization: "Bearer wrong" })).toEqual(invalid);
    expect(await refused({ authorization: "Basic YTpi" })).toEqual(invalid);
  });
});
