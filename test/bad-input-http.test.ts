import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { text as readText } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { startBadInputServer } from "./bad-input-server.ts";
import { connectRaw, grpcRaw, readConnectFailure } from "./bad-input-wire.ts";
import { expectNoInnards } from "./service-failure.ts";

const { server } = await startBadInputServer();

const createTask = `${server.url}/pigeonhole.v1.TaskService/CreateTask`;
const body = JSON.stringify({ agent: "desk" });

/** Connects, sends bytes and gives what comes back until the server closes. */
async function exchange(bytes: Uint8Array | string): Promise<string> {
  const socket = await open();
  socket.end(bytes);
  return readText(socket);
}

async function open(): Promise<Socket> {
  const socket = connect(server.port, "127.0.0.1");
  await once(socket, "connect");
  return socket;
}

describe("requests that are no call", () => {
  it("an RPC that is not there is UNIMPLEMENTED", async () => {
    const failure = { code: "Unimplemented", reason: "METHOD_UNKNOWN" };
    for (const send of [
      connectRaw("application/json"),
      connectRaw("application/proto"),
      grpcRaw("application/grpc"),
      grpcRaw("application/grpc", "grpcUrl"),
    ]) {
      expect(await send(server, "TaskService/RenameTask", "{}")).toMatchObject(failure);
    }
    expect(await grpcRaw("application/grpc")(server, "OtherService/Get", "")).toMatchObject(failure);
  });

  it("a service that is not there is not found", async () => {
    const response = await fetch(`${server.url}/pigeonhole.v1.OtherService/Get`, {
      method: "POST",
      body: "{}",
    });
    expect(response.status).toBe(404);
    expectNoInnards(await response.text());
  });

  it("a GET of what changes something is refused", async () => {
    const response = await fetch(`${createTask}?encoding=json&message=${encodeURIComponent(body)}`);
    expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
    expect(await readConnectFailure(response)).toMatchObject({ reason: "METHOD_UNKNOWN" });
  });

  it.each(["text/plain", "application/xml", "application/grpc-web-text", "application/grpc+xml", ""])(
    "a Content-Type of %j is refused",
    async (contentType) => {
      const headers = { "content-type": contentType };
      const response = await fetch(createTask, { method: "POST", headers, body });
      const isGrpc = contentType.startsWith("application/grpc");
      const status = response.headers.get("grpc-status") ?? String(response.status);
      expect(status).toBe(isGrpc ? "12" : "415");
      expectNoInnards(await response.text());
    },
  );

  it("a query that is not base64, or not JSON, is refused", async () => {
    const getTask = `${server.url}/pigeonhole.v1.TaskService/GetTask`;
    for (const query of [
      "encoding=json&message=%7B",
      "encoding=proto&base64=1&message=%25%25",
      "encoding=json&message=%FF",
    ]) {
      expect(await readConnectFailure(await fetch(`${getTask}?${query}`))).toMatchObject({
        code: "InvalidArgument",
        reason: "REQUEST_MALFORMED",
      });
    }
  });

  it.each(["", "/webhooks/desk/none", new URL(createTask).pathname])(
    "a path that is none below a host asks for no more than the root (%j)",
    async (path) => {
      const session = connectHttp2(server.url);
      // With a scheme that is not HTTP's own, HTTP/2 lets every path through.
      const stream = session.request({ ":method": "POST", ":scheme": "other", ":path": `x:%${path}` });
      const [headers] = await once(stream.end(), "response");
      expect([headers[":status"], headers.allow, await readText(stream)]).toEqual([
        405,
        "GET, HEAD",
        "only GET\n",
      ]);
      session.close();
    },
  );

  it("a compression that it does not know is refused", async () => {
    const headers = { "content-type": "application/json", "content-encoding": "zstd" };
    const response = await fetch(createTask, { method: "POST", headers, body });
    expect(await readConnectFailure(response)).toMatchObject({ code: "Unimplemented" });
  });

  it("gzip that is none is refused", async () => {
    const headers = { "content-type": "application/json", "content-encoding": "gzip" };
    const response = await fetch(createTask, { method: "POST", headers, body });
    expect(await readConnectFailure(response)).toMatchObject({ reason: "REQUEST_MALFORMED" });
  });
});

describe("bytes that are no request", () => {
  it.each([
    ["garbage", Buffer.from("00ff00ff0d0a0d0a", "hex")],
    ["another protocol", "SSH-2.0-OpenSSH_9.9\r\n"],
    ["TLS", Buffer.from("160301020001000", "hex")],
    ["a request line that is none", "GET\r\n\r\n"],
    ["a method that is none", "PRAY / HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["headers that are too large", `GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(20_000)}\r\n\r\n`],
  ])("%s is answered 4xx and closed", async (_, bytes) => {
    const answer = await exchange(bytes);
    expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
    expectNoInnards(answer);
  });

  it.each([
    ["nothing at all", ""],
    ["half the preface of HTTP/2", "PRI * HT"],
    [
      "the preface, and garbage",
      Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Buffer.alloc(64, 255)]),
    ],
  ])("%s is closed", async (_, bytes) => {
    expectNoInnards(await exchange(bytes));
  });

  it("half a request has no effect when its sender goes", async () => {
    const head = `POST ${new URL(createTask).pathname} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`;
    const answer = await exchange(`${head}Content-Length: 1000\r\n\r\n${body}`);
    expectNoInnards(answer);
    expect(answer).not.toContain("200 OK");
    const socket = await open();
    socket.write(`${head}Content-Length: 1000\r\n\r\n${body}`);
    socket.destroy();
    await once(socket, "close");
  });

  it("half a request over HTTP/2 has no effect when its sender goes", async () => {
    const session = connectHttp2(server.url);
    const stream = session.request({
      ":method": "POST",
      ":path": new URL(createTask).pathname,
      "content-type": "application/json",
    });
    stream.write(body);
    stream.close(8);
    await once(stream, "close");
    session.destroy();
    await once(session, "close");
  });
});
