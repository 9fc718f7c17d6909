import { once } from "node:events";
import * as http from "node:http";
import * as http2 from "node:http2";
import { connect } from "node:net";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Address } from "../src/server/http/index.ts";
import { TaskError } from "../src/server/index.ts";
import { createBodyReader } from "../src/server/webhooks/incoming/body-reader.ts";
import { delivery, httpVersions, startWebhooks, toTask } from "./webhooks-incoming-rig.ts";
import { githubHeaders } from "./webhooks-signed.ts";

const mebibyte = 1024 * 1024;
const maxBytes = 4 * mebibyte;

describe.each(httpVersions)("a body over HTTP/%i", (httpVersion) => {
  it("of 50 MB is answered 413", async () => {
    await using rig = await startWebhooks();
    expect(await upload(rig, httpVersion, 50)).toEqual([
      413,
      '{"error":{"reason":"REQUEST_TOO_LARGE","message":"the body has more than 4194304 bytes"}}',
    ]);
    expect(await rig.events()).toEqual({});
    const headers = githubHeaders("x", "d");
    expect((await rig.post("github", { httpVersion, headers, body: "x" })).status).toBe(202);
  });

  it("may have as many bytes as the bound, and not one more", async () => {
    const route = () => toTask("t", "x");
    await using rig = await startWebhooks({ webhooks: { any: { verify: () => ({}), route } } });
    const statuses = [];
    for (const size of [0, maxBytes, maxBytes + 1]) {
      statuses.push((await rig.post("any", { httpVersion, body: Buffer.alloc(size) })).status);
    }
    expect(statuses).toEqual([202, 202, 413]);
  });
});

describe("a body that is too large", () => {
  it("is refused by its length alone, before any of it has come (HTTP/1.1)", async () => {
    await using rig = await startWebhooks();
    const request = http.request(`${rig.url}/webhooks/inbox/github`, {
      method: "POST",
      headers: { "content-length": "50000000" },
    });
    request.on("error", () => {});
    request.flushHeaders();
    const [response]: http.IncomingMessage[] = await once(request, "response");
    expect(response?.statusCode).toBe(413);
    request.destroy();
  });

  it("is refused by its length alone, before any of it has come (HTTP/2)", async () => {
    await using rig = await startWebhooks();
    const session = http2.connect(rig.url);
    const stream = session.request({
      ":method": "POST",
      ":path": "/webhooks/inbox/github",
      "content-length": "50000000",
    });
    stream.on("error", () => {});
    const [head] = await once(stream, "response");
    expect(head[":status"]).toBe(413);
    session.destroy();
  });

  it("is refused while it streams, by a sender that does not say its length and never ends", async () => {
    await using rig = await startWebhooks();
    const request = http.request(`${rig.url}/webhooks/inbox/github`, { method: "POST" });
    request.on("error", () => {});
    const answered = once(request, "response");
    let answer: http.IncomingMessage | undefined;
    void answered.then(([response]) => {
      answer = response;
    });
    while (answer === undefined) {
      if (!request.write(Buffer.alloc(65_536))) await Promise.race([once(request, "drain"), answered]);
      await new Promise(setImmediate);
    }
    expect(answer.statusCode).toBe(413);
    request.destroy();
  });

  it("is refused before a signature is looked for", async () => {
    await using rig = await startWebhooks();
    expect((await rig.post("github", { body: Buffer.alloc(maxBytes + 1) })).status).toBe(413);
  });
});

describe("a body that is not whole", () => {
  it("has no effect when its sender goes half-way", async () => {
    await using rig = await startWebhooks();
    const socket = connect(rig.port, "127.0.0.1");
    const body = JSON.stringify({ target: toTask("t", "x") });
    socket.write(`POST /webhooks/inbox/open HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n${body}`);
    socket.end();
    expect(await text(socket)).not.toMatch(/ 20\d /);
    expect(await rig.events()).toEqual({});
    expect(rig.defects).toEqual([]);
  });
});

describe("the reader of bodies", () => {
  it("pulls no more of a body than it takes to know that it is too large", async () => {
    const withBody = createBodyReader({ maxBytes: 100, maxHeld: 1000 });
    const { request, pulled, returned } = endless(10);
    expect(await reasonOf(withBody(request, async () => {}))).toBe("REQUEST_TOO_LARGE");
    expect([pulled(), returned()]).toEqual([11, true]);
  });

  it("gives bodies of any number of pieces as they were", async () => {
    const withBody = createBodyReader({ maxBytes: 100_000, maxHeld: 100_000 });
    const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, n) => n % 251));
    for (const size of [1, 7, 16_384, 16_385, 70_000]) {
      const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) =>
        bytes.subarray(n * size, (n + 1) * size),
      );
      const read = await withBody(requestOf(pieces), async (body) => Buffer.from(body));
      expect(read.equals(bytes)).toBe(true);
    }
  });

  it("refuses with OVERLOADED what is too much together, until others are done", async () => {
    const withBody = createBodyReader({ maxBytes: 10, maxHeld: 15 });
    const ten = () => requestOf([Buffer.alloc(10)]);
    const gate = Promise.withResolvers<void>();
    const entered = Promise.withResolvers<void>();
    const first = withBody(ten(), () => {
      entered.resolve();
      return gate.promise;
    });
    await entered.promise;
    expect(await reasonOf(withBody(ten(), async () => {}))).toBe("OVERLOADED");
    expect(await withBody(requestOf([Buffer.alloc(5)]), async ({ length }) => length)).toBe(5);
    gate.resolve();
    await first;
    await expect(withBody(ten(), () => Promise.reject(new Error("mine")))).rejects.toThrow("mine");
    expect(await withBody(ten(), async ({ length }) => length)).toBe(10);
  });
});

describe("a server that stops", () => {
  it("ends what it has begun, and answers 503 to what comes", async () => {
    const entered = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    const route = () => {
      entered.resolve();
      return released.promise.then(() => toTask("t", "x"));
    };
    await using rig = await startWebhooks(
      { webhooks: { slow: { verify: () => ({}), route } } },
      { drain: 60_000 },
    );
    onTestFinished(() => released.resolve());
    const socket = connect(rig.port, "127.0.0.1");
    const post = (hook: string) =>
      socket.write(`POST /webhooks/inbox/${hook} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n`);
    post("slow");
    await entered.promise;
    const closed = rig.close();
    // On the connection of one that is under way: others are not accepted any more.
    post("open");
    const answers = text(socket);
    released.resolve();
    await closed;
    const [first = "", second = ""] = (await answers).split(/(?<=\})(?=HTTP)/);
    expect(first).toMatch(/^HTTP\/1\.1 202 .*"duplicate":false/s);
    expect(second).toMatch(/^HTTP\/1\.1 503 .*"SERVER_STOPPING"/s);
    expect(second).toMatch(/^retry-after: 1$/im);
  });

  it("ends what it has begun, and refuses what comes, over HTTP/2", async () => {
    const entered = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    const route = () => {
      entered.resolve();
      return released.promise.then(() => undefined);
    };
    const webhooks = { slow: { verify: () => ({}), route } };
    await using rig = await startWebhooks({ webhooks }, { drain: 60_000 });
    onTestFinished(() => released.resolve());
    const session = http2.connect(rig.url);
    const post = (hook: string) =>
      session.request({ ":method": "POST", ":path": `/webhooks/inbox/${hook}` }).end();
    const slow = post("slow");
    await entered.promise;
    const closed = rig.close();
    // Sent before the client hears that it is to go elsewhere. The refusal says that nothing was done.
    const [error] = await once(post("open"), "error");
    expect(String(error)).toMatch(/NGHTTP2_REFUSED_STREAM/);
    released.resolve();
    const [head] = await once(slow, "response");
    expect(head[":status"]).toBe(204);
    slow.resume();
    session.close();
    await closed;
  });
});

describe("deliveries that are not taken", () => {
  it("are told apart in the log from those that are: only the agent's own errors are in it", async () => {
    await using rig = await startWebhooks();
    await rig.post("github", { body: "x" });
    await rig.post("none");
    await rig.post("open", delivery("d", { throws: "Error", message: "mine" }));
    expect(rig.defects).toHaveLength(1);
  });
});

/** Sends a body of so many megabytes, as fast as it is taken, and gives the status and the body of the answer. */
function upload({ url, port }: Address, httpVersion: 1 | 2, megabytes: number): Promise<[number, string]> {
  const pieces = Array.from({ length: megabytes * 10 }, () => Buffer.alloc(100_000, "x"));
  return httpVersion === 1 ? uploadHttp1(port, pieces) : uploadHttp2(url, pieces);
}

async function uploadHttp1(port: number, pieces: Buffer[]): Promise<[number, string]> {
  const socket = connect(port, "127.0.0.1");
  const head = "POST /webhooks/inbox/github HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  const chunks = pieces.flatMap((piece) => [`${piece.length.toString(16)}\r\n`, piece, "\r\n"]);
  // The connection is still good for another request, whose answer ends it.
  const next = "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  Readable.from([head, ...chunks, "0\r\n\r\n", next]).pipe(socket, { end: false });
  const [, status, body = ""] =
    /^HTTP\/1.1 (\d+) .*?\r\n\r\n(.*)HTTP\/1.1 200 OK.*ok\n$/s.exec(await text(socket)) ?? [];
  return [Number(status), body];
}

async function uploadHttp2(url: string, pieces: Buffer[]): Promise<[number, string]> {
  const session = http2.connect(url);
  const stream = session.request({ ":method": "POST", ":path": "/webhooks/inbox/github" });
  Readable.from(pieces).pipe(stream);
  const [[head], body] = await Promise.all([once(stream, "response"), text(stream)]);
  session.close();
  return [head[":status"], body];
}

async function reasonOf(call: Promise<unknown>): Promise<string> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof TaskError)) throw error;
  return error.reason;
}

function requestOf(pieces: Iterable<Uint8Array>) {
  const body = (async function* () {
    yield* pieces;
  })();
  return {
    httpVersion: "1.1",
    method: "POST",
    url: "http://localhost/",
    header: new Headers(),
    body,
    signal: new AbortController().signal,
  };
}

/** A body of pieces of a size that never ends, and what was taken of it. */
function endless(size: number) {
  let pulled = 0;
  let returned = false;
  function* pieces() {
    try {
      for (;;) {
        pulled += 1;
        yield Buffer.alloc(size);
      }
    } finally {
      returned = true;
    }
  }
  return { request: requestOf(pieces()), pulled: () => pulled, returned: () => returned };
}
