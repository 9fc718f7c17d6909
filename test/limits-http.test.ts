import { once } from "node:events";
import { request } from "node:http";
import * as http2 from "node:http2";
import { connect } from "node:net";
import { setImmediate } from "node:timers/promises";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createAsyncIterable, encodeEnvelope } from "@connectrpc/connect/protocol";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { describe, expect, it } from "vitest";
import { RetryInfoSchema, TaskService } from "../src/proto.ts";
import { createCallLimits } from "../src/server/call-limits.ts";
import { systemClock } from "../src/server/clock.ts";
import { createErrorInterceptor } from "../src/server/error-interceptor.ts";
import type { Address, Dispatch, ListenerOptions } from "../src/server/http/index.ts";
import { readRequest } from "../src/server/http/read-request.ts";
import { type LimitName, type Limits, resolveLimits } from "../src/server/limits.ts";
import { connectRaw, frame, frameTypes, goAwayCode, healthHeaders, preface } from "./http-raw.ts";
import { heavy, type Rig, reasonOf, send, startRig, unaryFormats } from "./http-rig.ts";
import { createManualClock } from "./manual-clock.ts";

const sendEvent = "/pigeonhole.v1.TaskService/SendEvent";
const subscribeTask = "/pigeonhole.v1.TaskService/SubscribeTask";
const json = { "content-type": "application/json" };

/** Starts a listener with some limits, which notes those that are reached. */
async function startLimited(limits: Partial<Limits>, options: Partial<ListenerOptions> = {}) {
  const reached: LimitName[] = [];
  let heard = () => {};
  const onLimit = (limit: LimitName) => {
    reached.push(limit);
    heard();
  };
  const rig = await startRig({ limits, onLimit, ...callLimits(limits, onLimit), ...options });
  const until = (limit: LimitName) =>
    new Promise<void>((resolve) => {
      heard = () => reached.includes(limit) && resolve();
      heard();
    });
  return Object.assign(rig, { reached, until });
}

function callLimits(given: Partial<Limits>, onLimit: (limit: LimitName) => void) {
  const limits = resolveLimits(given);
  const { admit, interceptor } = createCallLimits({ limits, onLimit, clock: systemClock });
  const errors = createErrorInterceptor(
    () => {},
    () => "",
  );
  return { admit, interceptors: [errors, interceptor] };
}

function health(rig: Rig) {
  return send(rig.address, { httpVersion: 1, path: "/healthz", method: "GET" });
}

describe("connections that are slow", () => {
  it("are closed if they do not say what they speak", async () => {
    await using rig = await startLimited({ headersTimeout: 100 });
    const silent = await connectRaw(rig.address);
    expect((await silent.closed).length).toBe(0);
    expect(rig.reached).toEqual(["headers_timeout"]);
  });

  it("are none if it is the server that was held up", async () => {
    await using rig = await startLimited({ headersTimeout: 100 });
    const quick = await connectRaw(rig.address);
    // The server has taken the connection by then.
    await setImmediate();
    quick.write("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    expect(String(await quick.closed)).toMatch(/^HTTP\/1\.1 200 /);
    expect(rig.reached).toEqual([]);
  });

  it("are told so if their headers do not come to an end", async () => {
    await using rig = await startLimited({ headersTimeout: 100 });
    const slow = await connectRaw(rig.address);
    slow.write("GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ");
    expect(String(await slow.closed)).toMatch(/^HTTP\/1\.1 408 /);
    expect(rig.reached).toEqual(["headers_timeout"]);
  });

  it("are closed if HTTP/2 does not begin with its settings", async () => {
    await using rig = await startLimited({ headersTimeout: 100 });
    const slow = await connectRaw(rig.address);
    slow.write(preface.subarray(0, 20));
    await slow.closed;
    expect(rig.reached).toEqual(["headers_timeout"]);
  });

  it.each([1, 2] as const)("are told so if a body trickles (HTTP/%i)", async (httpVersion) => {
    await using rig = await startLimited({ requestTimeout: 150 });
    const session = http2.connect(rig.address.url);
    const head = `POST ${sendEvent} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`;
    const raw = await connectRaw(rig.address);
    if (httpVersion === 1) raw.write(head);
    else session.request({ ":method": "POST", ":path": sendEvent, ...json }).write("{");
    await rig.until("request_timeout");
    if (httpVersion === 1) expect(String(await raw.closed)).toMatch(/deadline_exceeded|408/);
    session.destroy();
    raw.destroy();
  });

  it("are closed if nothing passes over them", async () => {
    await using rig = await startLimited({ idleTimeout: 100 });
    const session = http2.connect(rig.address.url);
    await once(session, "close");
    expect(rig.reached).toEqual(["idle"]);
  });

  const ways = [
    ["address", 1],
    ["address", 2],
    ["door", 2],
  ] as const;

  it.each(ways)("lose what they leave unread of a stream (%s, HTTP/%i)", async (port, httpVersion) => {
    await using rig = await startLimited({ idleTimeout: 200 });
    await using _ = leaveUnread(rig[port], httpVersion, "SubscribeTask", encodeEnvelope(0, flood));
    await rig.subscribed(1);
    await rig.unsubscribed();
    expect(rig.reached).toContain("idle");
  });

  it.each(ways)("lose what they leave unread of a whole answer (%s, HTTP/%i)", async (port, httpVersion) => {
    // Over HTTP/1.1 more than the two ends of a connection hold between them.
    await using rig = await startLimited({ idleTimeout: 200 }, { fallback: large });
    const path = httpVersion === 1 ? "large" : "GetTask";
    await using _ = leaveUnread(rig[port], httpVersion, path, encodeEnvelope(0, flood));
    await rig.until("idle");
  });

  it("have an answer that waits for long behind another on its connection", async () => {
    const [asked, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const body = largeBody.subarray(0, 1024 * 1024);
    const fallback: Dispatch = async ({ url }) => {
      if (url.endsWith("/large")) return large();
      if (url.endsWith("/first")) await gate.promise;
      else asked.resolve();
      return { ...(await large()), body };
    };
    await using rig = await startLimited({ idleTimeout: 500 }, { fallback });
    const socket = connect(rig.address.port, "127.0.0.1");
    const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n`;
    socket.write(`${get("/first")}\r\n${get("/second")}Connection: close\r\n\r\n`);
    await asked.promise;
    // Whoever asked later, and reads nothing, is cut off by then.
    await using _ = leaveUnread(rig.address, 1, "large", new Uint8Array());
    await rig.until("idle");
    gate.resolve();
    expect(Buffer.concat(await socket.toArray()).length).toBeGreaterThan(2 * body.length);
    expect(rig.reached).toEqual(["idle"]);
  });

  it.each([1, 2] as const)("have a large answer that they read (HTTP/%i)", async (httpVersion) => {
    await using rig = await startLimited({}, { fallback: large });
    const { body } = await send(rig.address, { httpVersion, path: "/large", method: "GET" });
    expect(body.equals(largeBody)).toBe(true);
  });
});

describe("answers that are left unread", () => {
  it.each(["address", "door"] as const)(
    "end the connection that has the most of them (%s, HTTP/2)",
    async (port) => {
      await using rig = await startLimited({ maxAnswerBytes: 2.5 * heavy });
      const [modest, greedy, later] = [1, 2, 3].map(() => {
        // Neither its streams nor itself have room for anything.
        const session = http2.connect(rig[port].url, { settings: { initialWindowSize: 0 } });
        return session.on("error", () => {});
      });
      if (!modest || !greedy || !later) throw new Error("there are three");
      const ask = async (session: http2.ClientHttp2Session) => {
        const headers = { "content-type": "application/grpc", te: "trailers" };
        const path = "/pigeonhole.v1.TaskService/GetTask";
        const call = session.request({ ":method": "POST", ":path": path, ...headers });
        call.on("error", () => {});
        call.end(encodeEnvelope(0, Buffer.from("\n\x05heavy")));
        await once(call, "response");
        return call;
      };
      const answer = await ask(modest);
      const closed = once(greedy, "goaway");
      // The last of them comes too late for its connection.
      void [await ask(greedy), ask(greedy).catch(() => {})];
      expect(await closed).toContain(http2.constants.NGHTTP2_ENHANCE_YOUR_CALM);
      expect(rig.reached).toEqual(["answer_bytes"]);

      // There is room again, and what others have asked for is there.
      await ask(later);
      modest.setLocalWindowSize(2 * heavy);
      modest.settings({ initialWindowSize: 2 * heavy });
      expect(Buffer.concat(await answer.toArray()).length).toBeGreaterThan(heavy);
      expect(rig.reached).toEqual(["answer_bytes"]);
      expect([...rig.defects.values()]).toEqual([]);
      for (const session of [modest, greedy, later]) session.destroy();
    },
  );

  it("end the connection that has the most of them (HTTP/1.1)", async () => {
    await using rig = await startLimited({ maxAnswerBytes: 2 * largeBody.length }, { fallback: large });
    const get = "GET /large HTTP/1.1\r\nHost: x\r\n\r\n";
    const [modest, greedy] = [connect(rig.address.port, "127.0.0.1"), connect(rig.address.port, "127.0.0.1")];
    for (const socket of [modest, greedy]) socket.pause().on("error", () => {});
    modest.write(get.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
    await once(modest, "readable");
    const closed = once(greedy, "close");
    greedy.write(get + get);
    await rig.until("answer_bytes");
    greedy.resume();
    await closed;
    expect(Buffer.concat(await modest.toArray()).length).toBeGreaterThan(largeBody.length);
    expect(rig.reached).toEqual(["answer_bytes"]);
    expect([...rig.defects.values()]).toEqual([]);
  });
});

/** A request that names the task `flood`. */
const flood = Buffer.from("\n\x05flood");
const largeBody = Buffer.alloc(32 * 1024 * 1024, "0123456789");
const large = async () => ({ status: 200, header: new Headers(), body: largeBody });

/** Sends a request, reads nothing of its answer, and keeps its connection from being idle where HTTP knows how. */
function leaveUnread(
  { url }: Address,
  httpVersion: 1 | 2,
  method: string,
  body: Uint8Array,
): AsyncDisposable {
  const path = `/pigeonhole.v1.TaskService/${method}`;
  const headers = { "content-type": method === "SubscribeTask" ? "application/connect+proto" : "text/plain" };
  if (httpVersion === 1) {
    const place = method === "large" ? "/large" : path;
    const sent = request(`${url}${place}`, { method: "POST", headers, agent: false });
    sent.on("error", () => {});
    // Without a listener, Node reads what comes and drops it.
    sent.on("response", () => {}).end(body);
    return { [Symbol.asyncDispose]: async () => void sent.destroy() };
  }
  // It takes nothing but what has no content.
  const session = http2.connect(url, { settings: { initialWindowSize: 0 } }).on("error", () => {});
  const stream = session.request({ ":method": "POST", ":path": path, "content-type": "application/grpc" });
  stream.on("error", () => {}).end(body);
  const pings = setInterval(() => session.ping(() => {}), 50);
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(pings);
      session.destroy();
    },
  };
}

describe("floods of HTTP/2", () => {
  const settings = frame(frameTypes.settings);
  const floods: Record<string, { limit: LimitName; bytes: (round: number) => Buffer }> = {
    pings: { limit: "http2_control", bytes: () => frame(frameTypes.ping, 0, 0, Buffer.alloc(8)) },
    settings: { limit: "http2_control", bytes: () => settings },
    resets: {
      limit: "http2_resets",
      bytes: (round) =>
        Buffer.concat([
          frame(frameTypes.headers, 4, 2 * round + 1, healthHeaders),
          frame(frameTypes.reset, 0, 2 * round + 1, Buffer.from([0, 0, 0, 8])),
        ]),
    },
    continuations: {
      limit: "http2_frames",
      bytes: (round) =>
        round === 0
          ? frame(frameTypes.headers, 0, 1, healthHeaders)
          : frame(frameTypes.continuation, 0, 1, Buffer.from([0x40, 1, 97, 1, 98])),
    },
  };

  it.each(Object.entries(floods))("of %s end their connection, and no other", async (_, { limit, bytes }) => {
    await using rig = await startLimited({ controlRate: 10, resetRate: 10, maxStreams: 10 });
    const raw = await connectRaw(rig.address);
    raw.write(Buffer.concat([preface, settings]));
    raw.write(Buffer.concat(Array.from({ length: 500 }, (_, round) => bytes(round))));
    await rig.until(limit);
    const came = await raw.closed;
    if (limit !== "http2_frames") expect(goAwayCode(came)).toBe(http2.constants.NGHTTP2_ENHANCE_YOUR_CALM);
    expect((await health(rig)).status).toBe(200);
  });

  it("are no pings of a client that is sent something for each", async () => {
    await using rig = await startLimited({ controlRate: 10 });
    const session = http2.connect(rig.address.url);
    for (let round = 0; round < 200; round++) {
      const stream = session.request({ ":path": "/healthz" }).resume();
      await Promise.all([once(stream, "close"), new Promise((resolve) => session.ping(resolve))]);
    }
    expect(rig.reached).toEqual([]);
    session.close();
  });
});

describe("headers that are too large", () => {
  it("are refused with 431", async () => {
    await using rig = await startLimited({ maxHeaderBytes: 2_048 });
    const headers = { "x-large": "x".repeat(3_000) };
    const large = { path: "/healthz", method: "GET", headers };
    expect((await send(rig.address, { ...large, httpVersion: 1 })).status).toBe(431);
    expect((await send(rig.address, { ...large, httpVersion: 2 })).status).toBe(431);
    expect(rig.reached).toEqual(["header_bytes", "header_bytes"]);
    expect((await health(rig)).status).toBe(200);
  });
});

describe("connections above the greatest number", () => {
  it("are counted", async () => {
    await using rig = await startLimited({ maxConnections: 1 });
    const first = http2.connect(rig.address.url);
    await once(first, "remoteSettings");
    expect((await health(rig)).status).toBe(503);
    expect(rig.reached).toEqual(["connections"]);
    first.close();
  });
});

describe("calls above the greatest number in hand", () => {
  it("are refused with OVERLOADED and RetryInfo, in every protocol, and taken again once there is room", async () => {
    await using rig = await startLimited({ maxRequests: 1 });
    const ask = (headers: Record<string, string>, httpVersion: 1 | 2, body = "") =>
      send(rig.address, { httpVersion, path: sendEvent, headers, body });
    const hanging = ask({ ...json, "connect-timeout-ms": "3000" }, 2, '{"taskId":"deadline"}');
    let probe = await ask(json, 1, "{}");
    while (probe.status === 200) probe = await ask(json, 1, "{}");
    const refused = unaryFormats.flatMap((format) =>
      ([1, 2] as const).map(async (httpVersion) => {
        const error = format.errorOf(await ask({ "content-type": format.contentType }, httpVersion));
        const [retry] = error?.findDetails(RetryInfoSchema) ?? [];
        return [error?.code, reasonOf(error), retry?.retryDelay?.seconds];
      }),
    );
    for (const answer of await Promise.all(refused)) {
      expect(answer).toEqual([Code.ResourceExhausted, "OVERLOADED", 1n]);
    }
    expect(new Set(rig.reached)).toEqual(new Set(["requests"]));
    expect((await hanging).status).not.toBe(200);
    expect((await ask(json, 1, "{}")).status).toBe(200);
  });
});

describe("bodies", () => {
  it("are refused above what all may have together, and leave nothing behind", async () => {
    await using rig = await startLimited({ maxBodyBytes: 1_048_576 });
    const body = JSON.stringify({ taskId: "ok", type: "x".repeat(700_000) });
    const whole = { path: sendEvent, headers: json, body };
    const held = http2.connect(rig.address.url);
    const slow = held.request({ ":method": "POST", ":path": sendEvent, ...json });
    slow.on("error", () => {});
    slow.write(body.slice(0, 600_000));
    // Sent again until the slow one's bytes have come.
    let refused = await send(rig.address, { ...whole, httpVersion: 1 });
    while (refused.status === 200) refused = await send(rig.address, { ...whole, httpVersion: 1 });
    expect([refused.status, refused.body.toString()]).toEqual([429, expect.stringMatching(/OVERLOADED/)]);
    held.destroy();
    let taken = await send(rig.address, { ...whole, httpVersion: 2 });
    while (taken.status === 429) taken = await send(rig.address, { ...whole, httpVersion: 2 });
    expect(taken.status).toBe(200);
    expect(rig.reached).toContain("body_bytes");
  });

  it("are answered once at the gRPC door if a call is refused with the last of its body", async () => {
    await using rig = await startLimited({ maxBodyBytes: 1_048_576 });
    const grpc = { "content-type": "application/grpc", te: "trailers" };
    const session = http2.connect(rig.door.url);
    const begin = (path: string) => {
      const call = session.request({ ":method": "POST", ":path": path, ...grpc });
      call.on("error", () => {});
      return call;
    };
    // Parts of messages of a million bytes, until there is no room for a frame.
    const fill = () => {
      const call = begin(sendEvent);
      call.write(Buffer.concat([Buffer.from([0, 0, 0x0f, 0x42, 0x40]), Buffer.alloc(520_000)]));
      return once(call, "response");
    };
    await Promise.race([fill(), fill(), fill()]);
    const uncaught: unknown[] = [];
    const note = (error: unknown) => uncaught.push(error);
    const kinds = ["uncaughtException", "unhandledRejection"] as const;
    for (const kind of kinds) process.on(kind, note);
    for (const path of [sendEvent, subscribeTask]) {
      for (const flags of [0, 1]) {
        const call = begin(path);
        // A frame of a whole message, or of one that cannot be decompressed, with the end of the request.
        call.end(Buffer.concat([Buffer.from([flags, 0, 0, 0x3f, 0xfb]), Buffer.alloc(0x3ffb)]));
        const [headers] = await once(call, "response");
        expect(headers["grpc-status"]).toBe(String(Code.ResourceExhausted));
        call.resume();
        await once(call, "close");
      }
    }
    for (const kind of kinds) process.off(kind, note);
    session.destroy();
    expect(uncaught).toEqual([]);
  });

  it("are bounded at the gRPC door too, and leave nothing behind", async () => {
    await using rig = await startLimited({ maxBodyBytes: 1_048_576 });
    const session = http2.connect(rig.door.url);
    const begin = () => {
      const grpc = { "content-type": "application/grpc", te: "trailers" };
      const call = session.request({ ":method": "POST", ":path": sendEvent, ...grpc });
      call.on("error", () => {});
      // The most of a message of a million bytes.
      call.write(Buffer.concat([Buffer.from([0, 0, 0x0f, 0x42, 0x40]), Buffer.alloc(700_000)]));
      return call;
    };
    const both = [begin(), begin()];
    const [headers] = await Promise.race(both.map((call) => once(call, "response")));
    expect(headers["grpc-status"]).toBe(String(Code.ResourceExhausted));
    expect(rig.reached).toContain("body_bytes");
    session.destroy();
    const tasks = createClient(TaskService, createGrpcTransport({ baseUrl: rig.door.url }));
    const type = "x".repeat(700_000);
    const answered = async () =>
      tasks.sendEvent({ taskId: "ok", type }).then(
        () => Code.Unknown,
        (error: unknown) => ConnectError.from(error).code,
      );
    let code = await answered();
    while (code === Code.ResourceExhausted) code = await answered();
    expect(code).toBe(Code.Unknown);
  });

  it("that are one message too large are counted once, at both doors", async () => {
    await using rig = await startLimited({ maxMessageBytes: 1_024 });
    for (const { url } of [rig.address, rig.door]) {
      const tasks = createClient(TaskService, createGrpcTransport({ baseUrl: url }));
      await expect(tasks.sendEvent({ taskId: "ok", type: "x".repeat(2_000) })).rejects.toMatchObject({
        code: Code.ResourceExhausted,
      });
    }
    expect(rig.reached).toEqual(["message_bytes", "message_bytes"]);
  });
});

describe("the rate of requests, where callers say who they are", () => {
  const withPrincipals = () =>
    createCallLimits({
      limits: resolveLimits({ requestRate: 1 }),
      onLimit: () => {},
      clock: createManualClock(),
      principalOf: () => "alice",
    });
  const request = requestFrom("192.0.2.1");

  it("is an address's for a webhook, whose sender does not", async () => {
    const { admit } = withPrincipals();
    expect(admit(request, true)).toBeUndefined();
    await expect(admit(request, true)).rejects.toMatchObject({ reason: "OVERLOADED" });
  });

  it("is none of an address's for a call, be it a stream or not", () => {
    const { admit } = withPrincipals();
    const calls = [true, true, false, false].map((isCall) => admit(request, isCall, true));
    expect(calls).toEqual([undefined, undefined, undefined, undefined]);
  });
});

it("the rate of requests is that of a /64 of IPv6, however its addresses are written", async () => {
  const { admit } = createCallLimits({
    limits: resolveLimits({ requestRate: 1 }),
    onLimit: () => {},
    clock: createManualClock(),
  });
  for (const [address, sameNetwork] of [
    ["2001:db8::1:2:3:4:5", "2001:db8:0:1:9::"],
    ["2001:db8::2:2:3:4:5", "2001:db8:0:2::9"],
    ["2001::1:2:3:4:5", "2001::1:9:9:9:9"],
    ["2001::2:2:3:4:5", "2001:0:0:2::"],
    ["::1:2:3:4:5", "::1:9:9:9:9"],
    ["::1", "::2"],
  ]) {
    expect(admit(requestFrom(address), true), address).toBeUndefined();
    await expect(admit(requestFrom(sameNetwork), true), sameNetwork).rejects.toMatchObject({
      reason: "OVERLOADED",
    });
  }
});

function requestFrom(address = "") {
  return readRequest(
    {
      ...{ httpVersion: "2.0", method: "POST", path: "/", headers: {} },
      connection: { address, subscriptions: 0 },
    },
    createAsyncIterable([]),
    AbortSignal.abort(),
  );
}
