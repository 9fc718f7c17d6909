import { execFile } from "node:child_process";
import { once } from "node:events";
import * as http from "node:http";
import * as http2 from "node:http2";
import * as net from "node:net";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { describe, expect, it } from "vitest";
import { TaskService } from "../src/proto.ts";
import { connectRaw, frame, frameTypes, headersOfCall, preface } from "./http-raw.ts";
import { type Rig, reasonOf, send, startRig } from "./http-rig.ts";

const json = { "content-type": "application/json" };
const getTask = "/pigeonhole.v1.TaskService/GetTask";

/** Opens a connection, sends some bytes, and gives all that comes back until it is closed. */
async function talk({ address }: Rig, ...pieces: (string | Buffer)[]): Promise<string> {
  const socket = net.connect(address.port, "127.0.0.1");
  await once(socket, "connect");
  for (const piece of pieces) {
    // Each piece is a packet of its own, and has arrived when the next one is sent.
    await new Promise((resolve) => socket.write(piece, resolve));
    await new Promise(setImmediate);
  }
  const chunks = await socket.toArray();
  return Buffer.concat(chunks).toString("latin1");
}

it("a call ends at once whose caller goes while it is found out who that is", async () => {
  const asked = Promise.withResolvers<AbortSignal>();
  const refused = Promise.withResolvers<Code>();
  const left = Promise.withResolvers<void>();
  await using rig = await startRig({
    async authenticate({ signal }) {
      asked.resolve(signal);
      await left.promise;
    },
    onRefused: (_, { code }) => refused.resolve(code),
  });
  const transport = createConnectTransport({ baseUrl: rig.address.url, httpVersion: "1.1" });
  const caller = new AbortController();
  const answer = createClient(TaskService, transport).getTask({}, { signal: caller.signal });
  const signal = await asked.promise;
  const aborted = once(signal, "abort");
  caller.abort();
  await Promise.all([expect(answer).rejects.toThrow(), aborted]);
  // The request is closed a moment after its caller has gone.
  await new Promise(setImmediate);
  left.resolve();
  expect(await refused.promise).toBe(Code.Canceled);
});

describe("one port", () => {
  it("speaks HTTP/1.1 and HTTP/2", async () => {
    await using rig = await startRig();
    for (const httpVersion of [1, 2] as const) {
      const request = { httpVersion, path: getTask, headers: json, body: '{"taskId":"t"}' };
      const response = await send(rig.address, request);
      expect([response.status, JSON.parse(response.body.toString())]).toEqual([200, { task: { id: "t" } }]);
    }
  });

  it("tells them apart though the first bytes come one by one", async () => {
    await using rig = await startRig();
    const request = "POST /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    expect(await talk(rig, "P", "O", request.slice(2))).toMatch(/^HTTP\/1\.1 200 OK/);
    const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    const settings = Buffer.from("000000040000000000", "hex");
    const goAway = Buffer.from("00000807000000000000000000" + "00000000", "hex");
    expect(
      await talk(rig, "P", "RI", Buffer.concat([Buffer.from(preface.slice(3)), settings, goAway])),
    ).not.toBe("");
  });

  it("answers a request of HTTP/1.0 without a host, and one whose host is nonsense", async () => {
    await using rig = await startRig();
    const body = '{"taskId":"t"}';
    const head = `Content-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;
    expect(await talk(rig, `POST ${getTask} HTTP/1.0\r\n${head}`)).toMatch(/^HTTP\/1\.1 200 /);
    expect(await talk(rig, `POST ${getTask} HTTP/1.1\r\nHost: [\r\n${head}`)).toMatch(/^HTTP\/1\.1 200 /);
    expect(await talk(rig, `POST http://a.example${getTask} HTTP/1.1\r\nHost: x\r\n${head}`)).toMatch(
      / 200 /s,
    );
  });

  it("takes a request whose sender has ended its side, as nc does", async () => {
    await using rig = await startRig();
    const socket = net.connect(rig.address.port, "127.0.0.1");
    socket.end("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    expect(Buffer.concat(await socket.toArray()).toString()).toMatch(/ 200 OK.*ok\n$/s);
  });

  it("outlives nonsense", async () => {
    await using rig = await startRig();
    expect(await talk(rig, "\x16\x03\x01 this is no HTTP\r\n\r\n")).toMatch(/^HTTP\/1\.1 400 /);
    await talk(rig, "PRI nonsense that is as long as the preface of HTTP/2");
    net.connect(rig.address.port, "127.0.0.1").destroy();
    expect((await send(rig.address, { httpVersion: 1, path: "/healthz", method: "GET" })).status).toBe(200);
  });
});

describe("a body that is refused unread", () => {
  /** Names a compression that nobody has, so that nothing of the body is read. */
  const headers = { "content-type": "application/grpc-web+proto", "grpc-encoding": "none" };
  const body = Buffer.alloc(1_000_000);

  it("does not keep the next request of a connection of HTTP/1.1 waiting", async () => {
    await using rig = await startRig();
    const request = (path: string, fields: Record<string, string>, content: string | Buffer) => {
      const lines = Object.entries({ host: "x", "content-length": content.length, ...fields });
      const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
      return Buffer.concat([Buffer.from(`POST ${path} HTTP/1.1\r\n${head}\r\n`), Buffer.from(content)]);
    };
    // Its answer waits behind one that takes its time.
    const slow = '{"taskId":"deadline","parts":[{"text":"x"}]}';
    const answers = await talk(
      rig,
      Buffer.concat([
        request("/pigeonhole.v1.TaskService/SendEvent", { ...json, "connect-timeout-ms": "50" }, slow),
        request(getTask, headers, body),
        request(getTask, { ...json, connection: "close" }, '{"taskId":"t"}'),
      ]),
    );
    expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 504", "HTTP/1.1 200", "HTTP/1.1 200"]);
    expect(answers).toMatch(/\{"task":\{"id":"t"\}\}$/);
  });

  it("is taken in whole over HTTP/2, though it is larger than a stream's window", async () => {
    await using rig = await startRig();
    const session = http2.connect(rig.address.url);
    const stream = session.request({ ":method": "POST", ":path": getTask, ...headers });
    stream.resume().end(body);
    await once(stream, "close");
    session.close();
  });
});

describe("a defect outside of every call", () => {
  it.each([1, 2] as const)("is reported, and its response is broken off (HTTP/%i)", async (httpVersion) => {
    // A response of the fallback that cannot be begun: Node takes no such header.
    const header = { entries: () => [], [Symbol.iterator]: () => [["bad header", "x"]][Symbol.iterator]() };
    await using rig = await startRig({
      fallback: async () => ({ status: 200, header: Object.assign(new Headers(), header) }),
    });
    await send(rig.address, { httpVersion, path: "/other", method: "GET" }).catch(() => {});
    expect([...rig.defects.values()].map(String).join()).toMatch(/bad header/);
    expect((await send(rig.address, { httpVersion, path: "/healthz", method: "GET" })).status).toBe(200);
  });
});

describe("too many connections", () => {
  it("are told to try later, each in its own protocol, and the others go on", async () => {
    await using rig = await startRig({ limits: { maxConnections: 1 } });
    const agent = new http.Agent({ keepAlive: true });
    const get = async () => {
      const [response]: http.IncomingMessage[] = await once(
        http.get(`${rig.address.url}/healthz`, { agent }),
        "response",
      );
      await response?.toArray();
      return response?.statusCode;
    };
    expect(await get()).toBe(200);
    const refused = await send(rig.address, { httpVersion: 1, path: "/healthz", method: "GET" });
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "1"]);
    const session = http2.connect(rig.address.url);
    session.on("error", () => {});
    const [code] = await once(session, "goaway");
    expect(code).toBe(http2.constants.NGHTTP2_ENHANCE_YOUR_CALM);
    const client = createClient(TaskService, createGrpcTransport({ baseUrl: rig.address.url }));
    await expect(client.getTask({ key: { case: "taskId", value: "t" } })).rejects.toThrow(ConnectError);
    expect(await get()).toBe(200);
    agent.destroy();
  });

  it.each(["GET /healthz HTTP/1.1\r\n", "PRI * HTTP/2.0\r\n"])(
    "may break while they are told so (%j)",
    async (bytes) => {
      const refused = Promise.withResolvers<void>();
      const onLimit = () => refused.resolve();
      await using rig = await startRig({ limits: { maxConnections: 1 }, onLimit });
      const uncaught: unknown[] = [];
      const note = (error: unknown) => uncaught.push(error);
      process.on("uncaughtException", note);
      const first = net.connect(rig.address.port, "127.0.0.1");
      await once(first, "connect");
      const second = net.connect(rig.address.port, "127.0.0.1");
      await once(second, "connect");
      // What was sent is there to be read, and nothing can be sent back any more.
      second.write(bytes);
      second.resetAndDestroy();
      await refused.promise;
      first.write("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
      const answer = Buffer.concat(await first.toArray()).toString();
      process.off("uncaughtException", note);
      expect([answer.slice(0, 12), uncaught]).toEqual(["HTTP/1.1 200", []]);
    },
  );
});

describe.each(["address", "door"] as const)("requests that are refused (%s)", (port) => {
  it.each(["NGHTTP2_NO_ERROR", "NGHTTP2_CANCEL"] as const)(
    "may be reset in one piece with what they are refused for (%s)",
    async (code) => {
      await using rig = await startRig({ limits: { maxHeaderBytes: 2_048 } });
      const requests = [
        Buffer.concat([headersOfCall(getTask, "application/grpc"), Buffer.from("\0\x01x\x01y".repeat(100))]),
        headersOfCall("/pigeonhole.v1.TaskService/None", "application/grpc"),
        headersOfCall(getTask, "application/grpc+none"),
        headersOfCall("/none", "text/plain"),
      ];
      const frames = requests.flatMap((headers, index) => [
        frame(frameTypes.headers, 4, 2 * index + 1, headers),
        frame(frameTypes.reset, 0, 2 * index + 1, Buffer.from([0, 0, 0, http2.constants[code]])),
      ]);
      const uncaught: unknown[] = [];
      const note = (error: unknown) => uncaught.push(error);
      process.on("uncaughtException", note);
      const raw = await connectRaw(rig[port]);
      const goAway = frame(frameTypes.goAway, 0, 0, Buffer.alloc(8));
      raw.write(Buffer.concat([preface, frame(frameTypes.settings), ...frames, goAway]));
      await raw.closed;
      process.off("uncaughtException", note);
      expect(uncaught).toEqual([]);
    },
  );
});

it("whoever hangs up on answers, behind fields that may not be sent, neither ends the process as garbage is collected nor leaves any", async () => {
  const script = fileURLToPath(new URL("http-broken-off.ts", import.meta.url));
  const flags = ["--conditions=pigeonhole-source", "--expose-gc"];
  const run = promisify(execFile)(process.execPath, [...flags, script]);
  expect((await run).stdout).toBe("it lives, and 0 sessions are left");
});

describe.each(["address", "door"] as const)("many subscriptions (%s)", (port) => {
  it("share one connection, and may all be dropped at once without harm to the connection", async () => {
    await using rig = await startRig();
    const client = createClient(TaskService, createGrpcTransport({ baseUrl: rig[port].url }));
    const controller = new AbortController();
    const { signal } = controller;
    // More than the resets that Node takes at once unless it is told otherwise.
    const count = 1_500;
    const ended = Array.from({ length: count }, async () => {
      for await (const _ of client.subscribeTask({ taskId: "endless" }, { signal }));
    });
    await rig.subscribed(count);
    controller.abort();
    const outcomes = await Promise.allSettled(ended);
    expect(
      new Set(
        outcomes.map((outcome) => outcome.status === "rejected" && ConnectError.from(outcome.reason).code),
      ),
    ).toEqual(new Set([Code.Canceled]));
    await rig.unsubscribed();
    expect((await client.getTask({ key: { case: "taskId", value: "t" } })).task?.id).toBe("t");
  });
});

describe("a subscriber that does not read", () => {
  it.each([1, 2] as const)(
    "is waited for, and is let go of when it leaves (HTTP/%i)",
    async (httpVersion) => {
      await using rig = await startRig();
      const path = "/pigeonhole.v1.TaskService/SubscribeTask";
      const body = envelope('{"taskId":"flood"}');
      const headers = { "content-type": "application/connect+json" };
      if (httpVersion === 1) {
        const request = http.request(`${rig.address.url}${path}`, { method: "POST", headers, agent: false });
        request.on("error", () => {});
        request.end(body);
        await once(request, "response");
        request.destroy();
      } else {
        const session = http2.connect(rig.address.url);
        const stream = session.request({ ...headers, ":method": "POST", ":path": path });
        stream.on("error", () => {});
        stream.end(body);
        await once(stream, "response");
        session.destroy();
      }
      await rig.unsubscribed();
    },
  );
});

describe("closing", () => {
  const transports = {
    "Connect, HTTP/1.1": (baseUrl: string) => createConnectTransport({ baseUrl, httpVersion: "1.1" }),
    "Connect, HTTP/2": (baseUrl: string) => createConnectTransport({ baseUrl, httpVersion: "2" }),
    gRPC: (baseUrl: string) => createGrpcTransport({ baseUrl }),
    "gRPC-Web": (baseUrl: string) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1" }),
    "the gRPC door": (_: string, baseUrl: string) => createGrpcTransport({ baseUrl }),
  };

  it.each(Object.entries(transports))(
    "ends every subscription with SERVER_STOPPING (%s)",
    async (_name, createTransport) => {
      await using rig = await startRig();
      const client = createClient(TaskService, createTransport(rig.address.url, rig.door.url));
      const count = 100;
      const ended = Array.from({ length: count }, async () => {
        for await (const _ of client.subscribeTask({ taskId: "endless" }));
      });
      await rig.subscribed(count);
      const [outcomes] = await Promise.all([Promise.allSettled(ended), rig.close(30_000)]);
      const errors = outcomes.map(
        (outcome) => outcome.status === "rejected" && ConnectError.from(outcome.reason),
      );
      expect(errors.map((error) => error && [error.code, reasonOf(error)])).toEqual(
        Array.from({ length: count }, () => [Code.Unavailable, "SERVER_STOPPING"]),
      );
    },
  );

  it("closes idle connections at once, and those that never said anything", async () => {
    const rig = await startRig();
    const agent = new http.Agent({ keepAlive: true });
    const [response]: http.IncomingMessage[] = await once(
      http.get(`${rig.address.url}/healthz`, { agent }),
      "response",
    );
    await response?.toArray();
    const silent = net.connect(rig.address.port, "127.0.0.1");
    await once(silent, "connect");
    const session = http2.connect(rig.address.url);
    await once(session, "remoteSettings");
    await rig.close(30_000);
    agent.destroy();
    silent.destroy();
  });

  it("waits for no request of which only a part has come", async () => {
    const rig = await startRig();
    const socket = net.connect(rig.address.port, "127.0.0.1");
    socket.write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHo");
    // Answered once both have been read.
    await once(socket, "data");
    await rig.close(120_000);
    socket.destroy();
  });

  it("lets what is under way finish, and cuts off what has not by the deadline", async () => {
    await using rig = await startRig();
    // Neither heeds that the server stops: the one has a deadline, the other has none.
    const finishing = send(rig.address, {
      httpVersion: 2,
      path: "/pigeonhole.v1.TaskService/SubscribeTask",
      headers: { "content-type": "application/connect+json", "connect-timeout-ms": "150" },
      body: envelope('{"taskId":"deadline"}'),
    });
    const client = createClient(TaskService, createGrpcTransport({ baseUrl: rig.door.url }));
    const hanging = (async () => {
      for await (const _ of client.subscribeTask({ taskId: "deadline" }));
    })();
    const cutOff = expect(hanging).rejects.toThrow(ConnectError);
    await rig.subscribed(2);
    await rig.close(300);
    await cutOff;
    expect((await finishing).body.toString()).toContain("DEADLINE_EXCEEDED");
    await expect(send(rig.address, { httpVersion: 1, path: "/healthz", method: "GET" })).rejects.toThrow(
      "ECONNREFUSED",
    );
  });

  it("makes /healthz answer 503 where a connection is still open, and be its last answer", async () => {
    await using rig = await startRig();
    const socket = net.connect(rig.address.port, "127.0.0.1");
    socket.write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    const [first]: Buffer[] = await once(socket, "data");
    expect(String(first)).toMatch(/ 200 OK.*Connection: keep-alive/s);
    rig.shutdown.abort();
    socket.write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(Buffer.concat(await socket.toArray()).toString()).toMatch(
      / 503 .*Connection: close.*stopping\n$/s,
    );
  });
});

function envelope(json: string): Buffer {
  return Buffer.concat([Buffer.from([0, 0, 0, 0, json.length]), Buffer.from(json)]);
}

describe("scripts of other origins", () => {
  const origin = "https://console.example";
  const preflight = {
    httpVersion: 1 as const,
    method: "OPTIONS",
    path: getTask,
    headers: {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": "content-type",
    },
  };

  it("may call when their origin is listed", async () => {
    await using rig = await startRig({ cors: [origin] });
    const asked = await send(rig.address, preflight);
    expect([asked.status, asked.headers.get("access-control-allow-origin")]).toEqual([204, origin]);
    expect(asked.headers.get("access-control-allow-headers")).toMatch(/Connect-Protocol-Version/i);
    expect(asked.headers.get("access-control-allow-headers")).toContain("Authorization");
    expect(asked.headers.get("access-control-max-age")).toBe("7200");
    expect(asked.headers.get("vary")).toBe("Origin");
    for (const path of [getTask, "/pigeonhole.v1.TaskService/Nope"]) {
      const called = await send(rig.address, {
        httpVersion: 1,
        path,
        headers: { ...json, origin },
        body: "{}",
      });
      expect(called.headers.get("access-control-allow-origin")).toBe(origin);
      expect(called.headers.get("access-control-expose-headers")).toMatch(/grpc-status-details-bin/i);
      expect(called.headers.get("vary")).toBe("Origin");
    }
  });

  it("may not when it is not", async () => {
    await using rig = await startRig({ cors: ["https://another.example"] });
    const asked = await send(rig.address, preflight);
    expect([asked.status, asked.headers.get("access-control-allow-origin")]).toEqual([204, null]);
    const called = await send(rig.address, {
      httpVersion: 1,
      path: getTask,
      headers: { ...json, origin },
      body: "{}",
    });
    expect([called.headers.get("access-control-allow-origin"), called.headers.get("vary")]).toEqual([
      null,
      "Origin",
    ]);
  });

  it("may not be listed as what no browser calls an origin", async () => {
    const written = ["https://console.example/", "console.example", "https://Console.example", "null"];
    const standard = [
      "https://console.example:443",
      "http://console.example:80",
      "https://a@console.example",
    ];
    for (const none of [...written, ...standard]) {
      await expect(startRig({ cors: [none] })).rejects.toMatchObject({ reason: "VALUE_INVALID" });
    }
  });

  it("may from everywhere with a star", async () => {
    await using rig = await startRig({ cors: ["*"] });
    const asked = await send(rig.address, preflight);
    expect(asked.headers.get("access-control-allow-origin")).toBe("*");
    const called = await send(rig.address, {
      httpVersion: 1,
      path: getTask,
      headers: { ...json, origin },
      body: "{}",
    });
    expect(called.headers.get("access-control-allow-origin")).toBe("*");
  });
});
