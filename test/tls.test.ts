import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import * as http2 from "node:http2";
import * as https from "node:https";
import * as net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tls from "node:tls";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { TaskService } from "../src/proto.ts";
import {
  type Certificates,
  type Dispatch,
  type HttpRequest,
  openCertificates,
} from "../src/server/http/index.ts";
import type { TlsFiles } from "../src/server/index.ts";
import { type Rig, startRig } from "./http-rig.ts";
import { type Authority, createAuthority, type Pair, replacePair } from "./tls-files.ts";

let folder: string;
let authority: Authority;
let first: Pair;
let second: Pair;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "pigeonhole-tls-"));
  authority = createAuthority(folder);
  const names = "IP:127.0.0.1,DNS:localhost";
  first = authority.issue("first", "/CN=first", names);
  second = authority.issue("second", "/CN=second", names);
});

afterAll(() => rmSync(folder, { recursive: true }));

/** Opens the files of TLS for as long as the test takes. */
async function open(files: TlsFiles, log = createLog().log): Promise<Certificates> {
  const certificates = await openCertificates(files, log);
  onTestFinished(() => certificates.close());
  return certificates;
}

/** Resolves when a session is closed, also by one end without a word to the other. */
function closed(session: http2.ClientHttp2Session): Promise<void> {
  session.on("error", () => {});
  return new Promise((resolve) => session.once("close", () => resolve()));
}

/** Puts files together into one. */
function together(name: string, ...paths: string[]): string {
  const path = join(folder, name);
  writeFileSync(path, paths.map((each) => readFileSync(each)).join("\n"));
  return path;
}

/** What a client shows and trusts. */
function shows(pair?: Pair): tls.SecureContextOptions {
  const ca = readFileSync(authority.cert);
  return pair === undefined ? { ca } : { ca, cert: readFileSync(pair.cert), key: readFileSync(pair.key) };
}

/** Gets a path over HTTP/1.1. Rejects if the server lets nobody in. */
async function get({ address }: Rig, options: https.RequestOptions = shows(), path = "/healthz") {
  const [response] = await once(https.get(`${address.url}${path}`, { ...options, agent: false }), "response");
  if (!(response instanceof Object) || !("statusCode" in response)) throw new Error("no response");
  return response.statusCode;
}

/** Connects, and gives the name that the server's certificate has, and what was agreed on. */
async function handshake({ address }: Rig, options: tls.ConnectionOptions = {}) {
  const socket = tls.connect({ port: address.port, host: "127.0.0.1", ...shows(), ...options });
  onTestFinished(() => void socket.destroy());
  await once(socket, "secureConnect");
  return {
    name: String(socket.getPeerCertificate().subject.CN),
    alpn: socket.alpnProtocol,
    version: socket.getProtocol(),
    session: () => once(socket, "session").then(([session]) => session),
  };
}

function createLog() {
  const lines: string[] = [];
  let heard = () => {};
  const note = (message: string) => {
    lines.push(message);
    heard();
  };
  return {
    log: { info: note, warn: note, error: note },
    lines,
    said: (text: string) =>
      new Promise<void>((resolve) => {
        heard = () => lines.some((line) => line.includes(text)) && resolve();
        heard();
      }),
  };
}

describe("TLS", () => {
  it("speaks HTTP/1.1 and HTTP/2 on one port, by what the handshake agrees on", async () => {
    await using rig = await startRig({ tls: await open(first) });
    expect(rig.address.url).toBe(`https://127.0.0.1:${rig.address.port}`);
    expect(await get(rig)).toBe(200);
    const transport = createGrpcTransport({ baseUrl: rig.address.url, nodeOptions: shows() });
    const answer = await createClient(TaskService, transport).getTask({
      key: { case: "taskId", value: "t" },
    });
    expect(answer.task?.id).toBe("t");
    expect((await handshake(rig, { ALPNProtocols: ["h2", "http/1.1"] })).alpn).toBe("h2");
    expect((await handshake(rig, { ALPNProtocols: ["http/1.1"] })).alpn).toBe("http/1.1");
  });

  it("takes 1.2 and newer, and nothing without TLS", async () => {
    await using rig = await startRig({ tls: await open(first) });
    expect((await handshake(rig, { maxVersion: "TLSv1.2" })).version).toBe("TLSv1.2");
    await expect(handshake(rig, { minVersion: "TLSv1.1", maxVersion: "TLSv1.1" })).rejects.toThrow();
    const plain = net.connect(rig.address.port, "127.0.0.1");
    plain.write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    plain.on("error", () => {});
    expect((await plain.toArray().catch(() => [])).join("")).not.toMatch(/HTTP/);
  });

  it("closes a connection that does not come to the end of its handshake, and counts it", async () => {
    const limits: string[] = [];
    const onLimit = (limit: string) => void limits.push(limit);
    await using rig = await startRig({ tls: await open(first), limits: { headersTimeout: 100 }, onLimit });
    const silent = net.connect(rig.address.port, "127.0.0.1");
    silent.on("error", () => {}).resume();
    await once(silent, "close");
    expect(limits).toEqual(["headers_timeout"]);
  });

  it("does not start with files that are no certificate with its key", async () => {
    const mixed = { cert: first.cert, key: second.key };
    const description = `${second.key} cannot be used: it is not the key of the certificate in ${first.cert}`;
    await expect(open(mixed)).rejects.toMatchObject({
      reason: "VALUE_INVALID",
      message: `tls.key ${description}`,
      details: { fields: [{ field: "tls.key", description }] },
    });
    await expect(open({ ...first, cert: `${folder}/nothing` })).rejects.toThrow(/ENOENT/);
  });
});

describe("certificates that change", () => {
  it("are taken for new connections, as the files are written, and open ones go on", async () => {
    const pair = authority.issue("changing", "/CN=before", "IP:127.0.0.1");
    const { log, said } = createLog();
    const certificates = await open(pair, log);
    await using rig = await startRig({ tls: certificates });
    const session = http2.connect(rig.address.url, shows());
    onTestFinished(() => session.destroy());
    await once(session, "remoteSettings");
    expect((await handshake(rig)).name).toBe("before");
    replacePair(pair, second);
    await said("were read again");
    await certificates.reload();
    expect((await handshake(rig)).name).toBe("second");
    const stream = session.request({ ":path": "/healthz" });
    const [headers] = await once(stream, "response");
    expect(headers).toMatchObject({ ":status": 200 });
  });

  it("are taken too when they change as the server begins to listen", async () => {
    const [before, after] = [await open(first), await open(second)];
    const listeners: Parameters<Certificates["watch"]>[0][] = [];
    let { content } = before;
    const changing: Certificates = {
      ...before,
      get content() {
        const found = content;
        queueMicrotask(() => {
          if (content === after.content) return;
          content = after.content;
          for (const listener of listeners) listener(content);
        });
        return found;
      },
      watch: (onChange) => void listeners.push(onChange),
    };
    await using rig = await startRig({ tls: changing });
    expect((await handshake(rig)).name).toBe("second");
  });

  it("stay as they were while the new ones cannot be used, which the log says", async () => {
    const pair = authority.issue("broken", "/CN=before", "IP:127.0.0.1");
    const { log, lines } = createLog();
    const certificates = await open(pair, log);
    await using rig = await startRig({ tls: certificates });
    writeFileSync(pair.key, readFileSync(second.key));
    await certificates.reload();
    expect(lines).toContainEqual(expect.stringMatching(/cannot be used; those before stay/));
    expect((await handshake(rig)).name).toBe("before");
    writeFileSync(pair.cert, readFileSync(second.cert));
    await certificates.reload();
    expect((await handshake(rig)).name).toBe("second");
  });
});

describe("client certificates", () => {
  let agent: Pair;
  let stranger: Pair;
  beforeAll(() => {
    agent = authority.issue(
      "agent",
      "/O=Example/CN=agent-7",
      "DNS:agent-7.example,URI:spiffe://example/agent-7",
    );
    stranger = createAuthority(folder, "other").issue("stranger", "/CN=stranger", "DNS:stranger.example");
  });

  it("are asked for where there is a CA, and nobody comes in without one of its own", async () => {
    await using rig = await startRig({ tls: await open({ ...first, clientCa: authority.cert }) });
    await expect(get(rig)).rejects.toThrow();
    await expect(get(rig, shows(stranger))).rejects.toThrow();
    expect(await get(rig, shows(agent))).toBe(200);
  });

  it("that are revoked let nobody in, and cut off who is in, as soon as the file says so", async () => {
    const own = createAuthority(folder, "revoking");
    const [kept, lost] = ["kept", "lost"].map((name) => own.issue(name, `/CN=${name}`, "DNS:x.example"));
    const clientCrl = own.revoke(own.issue("gone", "/CN=gone", "DNS:x.example").cert);
    const files = await open({ ...first, clientCa: own.cert, clientCrl });
    await using rig = await startRig({ tls: files });
    const sessions = [kept, lost].map((pair) => http2.connect(rig.address.url, shows(pair)));
    for (const session of sessions) {
      onTestFinished(() => session.destroy());
      await once(session, "remoteSettings");
    }
    await expect(
      get(rig, shows({ cert: `${folder}/gone.pem`, key: `${folder}/gone.key` })),
    ).rejects.toThrow();
    const [open1, cut] = sessions;
    const ended = cut && closed(cut);
    own.revoke(lost?.cert ?? "");
    await files.reload();
    await ended;
    await expect(get(rig, shows(lost))).rejects.toThrow();
    expect(await get(rig, shows(kept))).toBe(200);
    const stream = open1?.request({ ":path": "/healthz" });
    expect(stream && (await once(stream, "response"))[0]).toMatchObject({ ":status": 200 });
  });

  it("that are revoked do not keep their connection for what goes on there", async () => {
    const own = createAuthority(folder, "hurrying");
    const pair = own.issue("slow", "/CN=slow", "DNS:x.example");
    const files = await open({ ...first, clientCa: own.cert, clientCrl: own.revoke() });
    const asked = Promise.withResolvers<void>();
    const fallback: Dispatch = () => {
      asked.resolve();
      return new Promise(() => {});
    };
    await using rig = await startRig({ tls: files, fallback });
    const session = http2.connect(rig.address.url, shows(pair));
    onTestFinished(() => session.destroy());
    const ended = closed(session);
    session.request({ ":path": "/somewhere" }).on("error", () => {});
    await asked.promise;
    own.revoke(pair.cert);
    await files.reload();
    await ended;
  });

  it("are cut off with an authority above them that is revoked, also one that they do not show", async () => {
    const root = createAuthority(folder, "root");
    const middle = createAuthority(folder, "middle", root);
    const pair = middle.issue("below", "/CN=below", "DNS:x.example");
    const clientCa = together("chain.pem", root.cert, middle.cert);
    const clientCrl = together("chain.crl", root.revoke(), middle.revoke());
    const files = await open({ ...first, clientCa, clientCrl });
    await using rig = await startRig({ tls: files });
    const session = http2.connect(rig.address.url, shows(pair));
    onTestFinished(() => session.destroy());
    await once(session, "remoteSettings");
    const ended = closed(session);
    together("chain.crl", root.revoke(middle.cert), middle.revoke());
    await files.reload();
    await ended;
    await expect(get(rig, shows(pair))).rejects.toThrow();
  });

  it("are not taken for those of another authority that have the same serial numbers", async () => {
    const [one, two] = ["one", "two"].map((name) => {
      const own = createAuthority(folder, name);
      // Authorities that count begin alike.
      writeFileSync(join(folder, `${name}.srl`), "1000\n");
      return { own, pair: own.issue(`of-${name}`, `/CN=of-${name}`, "DNS:x.example") };
    });
    if (one === undefined || two === undefined) throw new Error("there are two");
    const clientCa = together("both.pem", one.own.cert, two.own.cert);
    const clientCrl = together("both.crl", one.own.revoke(one.pair.cert), two.own.revoke());
    await using rig = await startRig({ tls: await open({ ...first, clientCa, clientCrl }) });
    await expect(get(rig, shows(one.pair))).rejects.toThrow();
    expect(await get(rig, shows(two.pair))).toBe(200);
  });

  it("have a list that is one, of authorities that are there", async () => {
    const files = { ...first, clientCa: authority.cert };
    await expect(open({ ...files, clientCrl: first.cert })).rejects.toThrow(/holds no revocation list/);
    const broken = join(folder, "broken.crl");
    writeFileSync(broken, "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n");
    await expect(open({ ...files, clientCrl: broken })).rejects.toMatchObject({ reason: "VALUE_INVALID" });
    const clientCrl = authority.revoke();
    await expect(open({ ...first, clientCrl })).rejects.toThrow(/without the authorities/);
    // A list that revokes nothing has no element for that.
    expect((await open({ ...files, clientCrl })).content.revoked).toEqual(new Set());
  });

  it.each([1, 2])("are told with each request: subject, names, fingerprint (HTTP/%i)", async (version) => {
    const seen = Promise.withResolvers<HttpRequest>();
    const fallback: Dispatch = async (request) => {
      seen.resolve(request);
      return { status: 204 };
    };
    await using rig = await startRig({ tls: await open({ ...first, clientCa: authority.cert }), fallback });
    if (version === 1) await get(rig, shows(agent), "/somewhere");
    const session = version === 2 ? http2.connect(rig.address.url, shows(agent)) : undefined;
    session?.request({ ":path": "/somewhere" });
    const { peer } = await seen.promise;
    session?.destroy();
    expect(peer).toEqual({
      certificate: {
        subject: "O=Example\nCN=agent-7",
        sans: ["DNS:agent-7.example", "URI:spiffe://example/agent-7"],
        fingerprint256: expect.stringMatching(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/),
        expireTime: new X509Certificate(readFileSync(agent.cert)).validToDate.getTime(),
      },
    });
  });
});
